using System.Collections.Concurrent;
using System.Net.Sockets;
using Tunnel.Agent;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Pair;

/// <summary>Stands between an agent and its server and breaks their links as the test says.</summary>
public sealed class LinkRelay : IAsyncDisposable
{
    private readonly ScriptedOrigin _listener;
    private readonly ConcurrentDictionary<int, (ScriptedConnection Agent, ScriptedConnection Server)> _links = new();
    private volatile bool _refuses;
    private volatile bool _swallows;

    /// <param name="port">The server's, asked for each link.</param>
    public LinkRelay(Func<int> port) => _listener = new ScriptedOrigin(async agent =>
    {
        if (_refuses)
        {
            agent.Reset();
            return;
        }

        using ScriptedConnection server = await ScriptedConnection.ConnectAsync(port());
        _links[agent.Number] = (agent, server);
        Links.Add();
        await Task.WhenAny(CopyAsync(agent, server, () => _swallows), CopyAsync(server, agent, () => _swallows));
        _links.TryRemove(agent.Number, out _);
    });

    public int Port => _listener.Port;

    /// <summary>Links so far.</summary>
    public Tally Links { get; } = new();

    /// <summary>Both ends of every link see a reset.</summary>
    public void Cut()
    {
        foreach ((ScriptedConnection agent, ScriptedConnection server) in _links.Values)
        {
            agent.Reset();
            server.Reset();
        }
    }

    /// <summary>
    /// <see cref="Cut"/>, then sees the agent back on a new link without the wait of its backoff, which grows with every
    /// cut and is drawn by lot: what a test of many cuts would otherwise take its time from.
    /// </summary>
    public async Task CutAsync(AgentHost agent)
    {
        int links = Links.Count;
        Cut();
        await Eventually.TrueAsync(
            () =>
            {
                agent.Poke();
                return Links.Count > links;
            },
            what: "the agent comes back");
    }

    /// <summary>Links are refused, until <see cref="Open"/>.</summary>
    public void Close()
    {
        _refuses = true;
        Cut();
    }

    /// <summary>New links work as at first.</summary>
    public void Open()
    {
        _swallows = false;
        _refuses = false;
    }

    /// <summary>
    /// From now on links are black holes: both ends stay connected, the network takes what they say, and nothing arrives.
    /// </summary>
    public void Swallow() => _swallows = true;

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    /// <summary>Until either of them ends.</summary>
    public static Task CopyAsync(ScriptedConnection from, ScriptedConnection to) => CopyAsync(from, to, () => false);

    private static async Task CopyAsync(ScriptedConnection from, ScriptedConnection to, Func<bool> isLost)
    {
        try
        {
            while (await from.ReadSomeAsync() is { Length: > 0 } some)
            {
                if (!isLost())
                {
                    await to.WriteAsync(some);
                }
            }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // One end is gone; the other one follows.
        }
    }
}
