using System.Buffers;
using Tunnel.Http.Heads;

namespace Tunnel.Agent.Local;

/// <summary>A web server made for development that answers only to names it knows (docs/behind-the-tunnel.md).</summary>
/// <param name="Cure">What lets the public name in: the end of a sentence.</param>
internal sealed record BlockingFramework(string Name, string Cure)
{
    private const string OrHide = ", or start the agent with --host-header origin";

    private static readonly BlockingFramework s_vite = new("Vite", $"add it to server.allowedHosts in vite.config.js{OrHide}");
    private static readonly BlockingFramework s_webpack = new("webpack-dev-server", $"add it to devServer.allowedHosts in webpack.config.js{OrHide}");
    private static readonly BlockingFramework s_next = new("next dev", $"add it to allowedDevOrigins in next.config.js{OrHide}");
    private static readonly BlockingFramework s_django = new("Django", $"add it to ALLOWED_HOSTS in settings.py{OrHide}");
    private static readonly BlockingFramework s_rails = new("Rails", "add it to config.hosts in config/environments/development.rb");

    private static ReadOnlySpan<byte> NextRefusal => "Unauthorized"u8;

    /// <summary>How much of an answer of this status is looked at, in bytes. The page of Rails begins with its style sheet.</summary>
    public static int MostLookedAt(int status) => status is 400 or 403 ? 16 * 1024 : 0;

    /// <summary>Who refuses the name; null: nobody that is known.</summary>
    /// <param name="bytes">Of the beginning of the answer's content, with the framing of chunks if it has some.</param>
    public static BlockingFramework? Find(ResponseHead head, in ReadOnlySequence<byte> bytes) => head.Status == 400
        ? Has(bytes, "DisallowedHost"u8) ? s_django : null
        : Has(bytes, "Blocked request. This host"u8) ? s_vite
        : Has(bytes, "Invalid Host header"u8) ? s_webpack
        : Has(bytes, "Blocked host"u8) ? s_rails
        : IsNext(head, bytes) ? s_next
        : null;

    // It says no more than this word, and not even what kind of text it is.
    private static bool IsNext(ResponseHead head, in ReadOnlySequence<byte> bytes) =>
        bytes.Length == NextRefusal.Length && Has(bytes, NextRefusal) && !head.Headers.TryGet(KnownHeader.ContentType, out _);

    private static bool Has(in ReadOnlySequence<byte> bytes, ReadOnlySpan<byte> words)
    {
        var reader = new SequenceReader<byte>(bytes);
        return reader.TryReadTo(out ReadOnlySequence<byte> _, words);
    }
}
