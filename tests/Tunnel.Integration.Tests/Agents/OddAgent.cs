using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
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

    /// <summary>A link after its WELCOME.</summary>
    public static async Task<OddAgent> ConnectAsync(int port, string subdomain, string instance = Instance)
    {
        OddAgent agent = await DialAsync(port);
        await agent.HelloAsync($$"""{"version":1,"instance":"{{instance}}","tunnels":[{"id":1,"type":"http","subdomain":"{{subdomain}}"}]}""");
        await agent.Peer.ExpectAsync(FrameKind.Welcome);
        return agent;
    }

    public Task HelloAsync(string json) => Peer.SendAsync(0, FrameKind.Hello, json);

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
