using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Tunnel.Framing.Frames;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>An agent that speaks frames by hand, and need not mean well.</summary>
public sealed class OddAgent : IAsyncDisposable
{
    private readonly SocketConnection _link;
    private bool _isKilled;

    private OddAgent(SocketConnection link)
    {
        _link = link;
        Peer = new RawPeer(link);
    }

    public const string Instance = "0123456789abcdef0123456789abcdef";

    public RawPeer Peer { get; }

    /// <summary>As the server knows it.</summary>
    public string Address => _link.LocalEndPoint.ToString();

    /// <summary>OPEN of the last one, as text.</summary>
    public string LastHead { get; private set; } = "";

    /// <summary>A link on which nothing has been said.</summary>
    public static async Task<OddAgent> DialAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port).Within();
        return new OddAgent(new SocketConnection(socket, MemoryPool<byte>.Shared));
    }

    /// <summary>A link with a tunnel.</summary>
    public static Task<OddAgent> ConnectAsync(int port, string subdomain, string instance = Instance) => ConnectAsAsync(
        port,
        $$"""{"version":1,"instance":"{{instance}}"}""",
        $$"""{"id":1,"type":"http","subdomain":"{{subdomain}}"}""");

    /// <summary>The same with a HELLO and a tunnel of its own.</summary>
    public static async Task<OddAgent> ConnectAsAsync(int port, string hello, string tunnel)
    {
        OddAgent agent = await DialAsync(port);
        await agent.GreetAsync(hello);
        await agent.BindAsync(tunnel);
        return agent;
    }

    public Task HelloAsync(string json) => Peer.SendAsync(0, FrameKind.Hello, json);

    /// <summary>Says HELLO; the WELCOME.</summary>
    public async Task<JsonElement> GreetAsync(string hello)
    {
        await HelloAsync(hello);
        return JsonDocument.Parse((await Peer.ExpectAsync(FrameKind.Welcome)).Payload).RootElement;
    }

    /// <summary>Asks for a tunnel; the BOUND, granted. Requests that come before it are there for <see cref="NextRequestAsync"/>.</summary>
    public async Task<JsonElement> BindAsync(string tunnel)
    {
        await Peer.SendAsync(0, FrameKind.Bind, tunnel);
        string bound = (await Peer.ExpectAheadAsync(FrameKind.Bound)).Text;
        return bound.Contains("\"url\"", StringComparison.Ordinal)
            ? JsonDocument.Parse(bound).RootElement
            : throw new InvalidOperationException(bound);
    }

    /// <summary>The id of the next request; what belongs to earlier ones is passed over.</summary>
    public async Task<uint> NextRequestAsync()
    {
        while (true)
        {
            RawFrame frame = await Peer.ReadAsync() ?? throw new EndOfStreamException("The server ended the link.");
            if (frame.Kind == FrameKind.Open)
            {
                LastHead = frame.Text;
                return frame.StreamId;
            }
        }
    }

    public Task AnswerAsync(uint id, string text, bool fin = true) => Peer.SendAsync(id, FrameKind.Data, text, fin);

    /// <summary>Breaks the link off. The session waits for another one, and whoever was served on it with it.</summary>
    public ValueTask KillAsync()
    {
        _isKilled = true;
        _link.Abort();
        return _link.DisposeAsync();
    }

    /// <summary>Says CLOSE and waits until the server has ended the link: nothing of the session stays behind.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isKilled)
        {
            return;
        }

        try
        {
            await Peer.SendCloseAsync((ushort)CloseCode.Normal);
            await _link.Output.CompleteAsync();
            await PassOverAsync().Within();
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            // The link has ended already.
        }

        await KillAsync();
    }

    private async Task PassOverAsync()
    {
        for (ReadResult result = default; !result.IsCompleted;)
        {
            result = await _link.Input.ReadAsync();
            _link.Input.AdvanceTo(result.Buffer.End);
        }
    }
}
