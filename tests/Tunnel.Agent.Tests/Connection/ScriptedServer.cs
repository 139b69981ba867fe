using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Tunnel.Framing.Frames;
using Tunnel.TestSupport;

namespace Tunnel.Agent.Tests.Connection;

/// <summary>A server that answers each HELLO, and the BIND behind a WELCOME, with what the test says, and keeps both.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly ScriptedOrigin _listener;

    /// <param name="answers">One for each link, the last one for all further ones.</param>
    public ScriptedServer(params ScriptedAnswer[] answers) => _listener = new ScriptedOrigin(async link =>
    {
        ScriptedAnswer answer = answers[Math.Min(link.Number, answers.Length) - 1];
        Hellos.Enqueue((await ReadAsync(link)).Json);
        await link.WriteAsync(answer.ToHello);
        if (answer.ToBind is { } toBind)
        {
            (FrameKind Kind, JsonElement Json) frame;
            do
            {
                frame = await ReadAsync(link);
            }
            while (frame.Kind != FrameKind.Bind);

            Binds.Enqueue(frame.Json);
            await link.WriteAsync(toBind);
        }

        Greeted.Add();
        await link.ReadToEndAsync();
    });

    public ConcurrentQueue<JsonElement> Hellos { get; } = [];

    public ConcurrentQueue<JsonElement> Binds { get; } = [];

    /// <summary>Agents that were told all there is to say.</summary>
    public Tally Greeted { get; } = new();

    public int Port => _listener.Port;

    public static ScriptedAnswer Reject(string code, bool retry) => new(RawPeer.Frame(
        0, FrameKind.Reject, Encoding.UTF8.GetBytes($$"""{"code":"{{code}}","message":"for a reason","retry":{{Text(retry)}},"retryAfter":0}""")));

    /// <summary>WELCOME, and a BOUND that refuses the name.</summary>
    public static ScriptedAnswer Refuse(string code, bool retry) => new(Welcome, RawPeer.Frame(
        0, FrameKind.Bound, Encoding.UTF8.GetBytes($$"""{"id":1,"code":"{{code}}","message":"for a reason","retry":{{Text(retry)}}}""")));

    /// <summary>WELCOME, BOUND, and behind it what else there is to say.</summary>
    public static ScriptedAnswer Bind(string name, params byte[] behind) => new(Welcome,
    [
        .. RawPeer.Frame(0, FrameKind.Bound, Encoding.UTF8.GetBytes($$"""{"id":1,"name":"{{name}}","url":"http://{{name}}"}""")), .. behind,
    ]);

    /// <summary>A tunnel, and behind it the end of the session.</summary>
    public static ScriptedAnswer BindAndClose(string name) => Bind(name, RawPeer.Frame(0, FrameKind.Close, [0, 0]));

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    // A server that says nothing of itself: no features, no terms.
    private static byte[] Welcome => RawPeer.Frame(0, FrameKind.Welcome, """{"version":1,"session":"0123456789abcdef0123456789abcdef"}"""u8);

    private static async Task<(FrameKind Kind, JsonElement Json)> ReadAsync(ScriptedConnection link)
    {
        FrameHeader header = FrameHeader.Read(await link.ReadExactlyAsync(FrameHeader.Size));
        byte[] payload = await link.ReadExactlyAsync(header.Length);
        return (header.Kind, header.Kind is FrameKind.Hello or FrameKind.Bind ? JsonDocument.Parse(payload).RootElement : default);
    }

    private static string Text(bool value) => value ? "true" : "false";
}

/// <param name="ToBind">Null: no BIND is waited for.</param>
internal sealed record ScriptedAnswer(byte[] ToHello, byte[]? ToBind = null);
