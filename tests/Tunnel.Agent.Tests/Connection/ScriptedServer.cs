using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Tunnel.Framing.Frames;
using Tunnel.TestSupport;

namespace Tunnel.Agent.Tests.Connection;

/// <summary>A server that answers each HELLO with what the test says, and keeps the HELLOs.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly ScriptedOrigin _listener;

    /// <param name="answers">One for each link, the last one for all further ones.</param>
    public ScriptedServer(params byte[][] answers) => _listener = new ScriptedOrigin(async link =>
    {
        byte[] header = await link.ReadExactlyAsync(FrameHeader.Size);
        int length = (header[5] << 16) | (header[6] << 8) | header[7];
        Hellos.Enqueue(JsonDocument.Parse(await link.ReadExactlyAsync(length)).RootElement);
        await link.WriteAsync(answers[Math.Min(link.Number, answers.Length) - 1]);
        Greeted.Add();
        await link.ReadToEndAsync();
    });

    public ConcurrentQueue<JsonElement> Hellos { get; } = [];

    public Tally Greeted { get; } = new();

    public int Port => _listener.Port;

    public static byte[] Reject(string code, bool retry) => RawPeer.Frame(
        0, FrameKind.Reject, Encoding.UTF8.GetBytes($$"""{"code":"{{code}}","message":"for a reason","retry":{{(retry ? "true" : "false")}},"retryAfter":0}"""));

    /// <summary>A WELCOME, and behind it the end of the session.</summary>
    public static byte[] WelcomeAndClose(string name) =>
    [
        .. Welcome(name),
        .. RawPeer.Frame(0, FrameKind.Close, [0, 0]),
    ];

    public static byte[] Welcome(string name) => RawPeer.Frame(0, FrameKind.Welcome, Encoding.UTF8.GetBytes(
        $$"""{"version":1,"session":"0123456789abcdef0123456789abcdef","tunnels":[{"id":1,"name":"{{name}}","url":"http://{{name}}"}]}"""));

    public ValueTask DisposeAsync() => _listener.DisposeAsync();
}
