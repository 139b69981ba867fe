using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Identity;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Agents;

/// <summary>
/// Takes in agents: handshake within its limits, then a session for each (docs/protocol.md, section 3).
/// Owns them all: <see cref="StopAsync"/> returns when the last one has ended.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "StopAsync is the end of it.")]
internal sealed class AgentListener(AgentServices services, SocketListener listener)
{
    /// <summary>Who is about to say HELLO when the server stops is told so, if that comes soon.</summary>
    private static readonly TimeSpan GreetTime = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<IConnection, Task> _links = new();
    private readonly AddressCounter _unprovedPerAddress = new();
    private readonly AgentGreeter _greeter = new(services);
    private readonly LinkGate _gate = new(services.Key, services.Session.Pool) { FindCertificate = services.FindCertificate };
    private readonly RareLine _rareFault = new(services.Session.Time);
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _allGreeted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Handshakes under way, and one for the listener itself until it stops: 0 is reached once.
    private int _unproved = 1;

    public int Port => listener.Port;

    public IReadOnlyList<IPEndPoint> EndPoints => listener.EndPoints;

    public void Start() => listener.Start(OnAccepted, OnFault);

    /// <summary>
    /// Completes when every request that has its session has entered the link, or after the limit. When no request looks for
    /// a session any more, agents may be told then: none of what they were given comes back.
    /// </summary>
    public async Task WhenRequestsHaveLeftAsync(TimeSpan limit) =>
        await Task.WhenAll(services.Directory.All.Select(agent => agent.Session.WhenOpensHaveLeftAsync()))
            .WaitAsync(limit, services.Session.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>From now on a HELLO is answered with <c>draining</c>; sessions announce that they leave.</summary>
    public void BeginStop()
    {
        _greeter.IsDraining = true;
        foreach (AgentSession agent in services.Directory.All)
        {
            agent.Leave(services.Options.Grace);
        }
    }

    /// <summary>Takes in no more links; those that are there go on.</summary>
    public Task StopListeningAsync() => listener.StopAsync();

    /// <summary>Stops accepting and waits for every session; what is left after the grace is closed.</summary>
    public async Task StopAsync(Task grace)
    {
        await listener.StopAsync();
        Greeted();
        Task greeted = Task.WhenAny(_allGreeted.Task, grace);
        await greeted.WaitAsync(GreetTime, services.Session.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stop.CancelAsync();

        // No link becomes a session any more: those that are there are all there will be.
        Task all = Task.WhenAll([.. _links.Values, .. services.Directory.All.Select(agent => agent.Life)]);
        if (await Task.WhenAny(all, grace) != all)
        {
            foreach (AgentSession agent in services.Directory.All)
            {
                agent.Close(CloseCode.Normal, "the server stops");
            }
        }

        await all;
        _stop.Dispose();
    }

    /// <summary>
    /// An agent that came in at a port of visitors, its ClientHello unanswered: never a local one. Owns the connection, and
    /// completes when it has ended.
    /// </summary>
    public async Task TakeAsync(IConnection link)
    {
        if (TryEnter(link))
        {
            await RunAsync(link, isAtAgentPort: false);
        }

        await link.DisposeAsync();
    }

    private void OnAccepted(Socket socket)
    {
        var link = new SocketConnection(socket, services.Session.Pool, SocketConnectionOptions.Link);
        if (!TryEnter(link))
        {
            return;
        }

        // The accepting loop must not carry the connection's work; and the entry must be there before the task can remove it.
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _links[link] = StartAsync(link, started.Task);
        started.SetResult();
    }

    private async Task StartAsync(IConnection link, Task started)
    {
        await started;
        await RunAsync(link, isAtAgentPort: true);
        _links.TryRemove(link, out _);
    }

    private bool TryEnter(IConnection link)
    {
        IPAddress address = link.RemoteEndPoint.Address;
        int perAddress = IPAddress.IsLoopback(address) ? int.MaxValue : services.Options.Agents.MaxUnprovedPerAddress;

        // Who has shown too many wrong tokens is turned away before that costs a handshake.
        if (!services.Gate.Throttle.MayTry(address) || Volatile.Read(ref _unproved) > services.Options.Agents.MaxUnproved
            || !_unprovedPerAddress.TryAdd(address, perAddress))
        {
            link.Abort();
            return false;
        }

        Interlocked.Increment(ref _unproved);
        return true;
    }

    private void Greeted()
    {
        if (Interlocked.Decrement(ref _unproved) == 0)
        {
            _allGreeted.TrySetResult();
        }
    }

    private async Task RunAsync(IConnection accepted, bool isAtAgentPort)
    {
        IConnection link = accepted;
        try
        {
            Task<bool>? served;
            try
            {
                using var time = new CancellationTokenSource(services.Options.Agents.HandshakeTime, services.Session.Time);
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(time.Token, _stop.Token);
                link = isAtAgentPort ? await _gate.OpenAsync(accepted, limit.Token) : await _gate.EncryptAsync(accepted, limit.Token);
                served = await _greeter.GreetAsync(new AgentLink(link, FactsOf(link, isAtAgentPort, isEncrypted: link != accepted)), limit.Token);
            }
            finally
            {
                Greeted();
                _unprovedPerAddress.Remove(accepted.RemoteEndPoint.Address);
            }

            if (served is not null)
            {
                await served;
            }
            else
            {
                await link.Output.CompleteAsync();
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            ServerLog.LinkUnproved(services.Log, Text(link));
            link.Abort();
        }
        catch (Exception error)
        {
            // A fault of ours costs one agent its link, with a name in the log, not the process.
            ServerLog.AgentFault(services.Log, Text(link), error);
            link.Abort();
        }
        finally
        {
            await link.DisposeAsync();
        }
    }

    private static LinkFacts FactsOf(IConnection link, bool isAtAgentPort, bool isEncrypted) => isAtAgentPort
        ? LinkFacts.Of(link.LocalEndPoint, link.RemoteEndPoint, isEncrypted)
        : new LinkFacts(link.RemoteEndPoint, IsLocal: false, isEncrypted);

    private void OnFault(AcceptFault fault)
    {
        if (_rareFault.IsDue())
        {
            ServerLog.AcceptFault(services.Log, fault.EndPoint, fault.Error.ToString(), fault.RetryAfter.TotalMilliseconds);
        }
    }

    private static string Text(IConnection link) => link.RemoteEndPoint.ToString();
}
