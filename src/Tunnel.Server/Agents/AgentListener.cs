using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Edge;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Agents;

/// <summary>
/// Takes in agents: handshake within its limits, then a session for each (DESIGN section 5, "Before anybody is known").
/// Owns them all: <see cref="StopAsync"/> returns when the last one has ended.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "StopAsync is the end of it.")]
internal sealed class AgentListener(AgentServices services, SocketListener listener)
{
    private readonly ConcurrentDictionary<SocketConnection, Task> _links = new();
    private readonly AddressCounter _unprovedPerAddress = new();
    private readonly RareLine _rareFault = new(services.Session.Time);
    private readonly CancellationTokenSource _stop = new();
    private int _unproved;
    private TimeSpan _grace;
    private volatile bool _isDraining;

    public int Port => listener.Port;

    public IReadOnlyList<IPEndPoint> EndPoints => listener.EndPoints;

    public void Start() => listener.Start(OnAccepted, OnFault);

    /// <summary>From now on a HELLO is answered with <c>draining</c>; sessions announce that they leave.</summary>
    public void BeginStop(TimeSpan grace)
    {
        _grace = grace;
        _isDraining = true;
        foreach (AgentSession agent in services.Directory.All)
        {
            Leave(agent);
        }
    }

    /// <summary>Stops accepting and waits for every session; what is left after the grace is closed.</summary>
    public async Task StopAsync(Task grace)
    {
        await listener.StopAsync();
        await _stop.CancelAsync();
        Task all = Task.WhenAll(_links.Values);
        if (await Task.WhenAny(all, grace) != all)
        {
            foreach (AgentSession agent in services.Directory.All)
            {
                agent.Session.Close(CloseCode.Normal, "the server stops");
            }
        }

        await all;
        _stop.Dispose();
    }

    private void Leave(AgentSession agent) => agent.Session.Leave("shutdown", reconnect: true, delay: TimeSpan.Zero, _grace);

    private void OnAccepted(Socket socket)
    {
        var link = new SocketConnection(socket, services.Session.Pool, SocketConnectionOptions.Link);
        IPAddress address = link.RemoteEndPoint.Address;
        int perAddress = IPAddress.IsLoopback(address) ? int.MaxValue : services.Options.MaxUnprovedPerAddress;
        if (Volatile.Read(ref _unproved) >= services.Options.MaxUnproved || !_unprovedPerAddress.TryAdd(address, perAddress))
        {
            link.Abort();
            return;
        }

        Interlocked.Increment(ref _unproved);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _links[link] = RunAsync(link, address, started.Task);
        started.SetResult();
    }

    private async Task RunAsync(SocketConnection link, IPAddress address, Task started)
    {
        await started;
        try
        {
            AgentSession? session;
            try
            {
                session = await GreetAsync(link);
            }
            finally
            {
                Interlocked.Decrement(ref _unproved);
                _unprovedPerAddress.Remove(address);
            }

            if (session is not null)
            {
                if (_isDraining)
                {
                    // It came in while the others were told.
                    Leave(session);
                }

                await session.RunAsync(link);
                services.Directory.Remove(session);
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
            _links.TryRemove(link, out _);
        }
    }

    // Returns null when the link does not become a session; what had to be said has been said.
    private async Task<AgentSession?> GreetAsync(SocketConnection link)
    {
        using var time = new CancellationTokenSource(services.Options.AgentHandshakeTime, services.Session.Time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(time.Token, _stop.Token);
        HelloMessage? hello;
        try
        {
            hello = await Handshake.ReadHelloAsync(link.Input, limit.Token);
        }
        catch (Framing.Frames.ProtocolViolationException violation)
        {
            await RejectAsync(link, RejectCodes.HelloInvalid, violation.Message, retry: false, limit.Token);
            return null;
        }

        if (hello is null)
        {
            ServerLog.LinkUnproved(services.Log, Text(link));
            return null;
        }

        if (Admission.Judge(hello, link, _isDraining, services.Directory.Count >= services.Options.MaxSessions) is { } reject)
        {
            await RejectAsync(link, reject.Code, reject.Message, reject.Retry, limit.Token);
            return null;
        }

        return await WelcomeAsync(link, hello, limit.Token);
    }

    private async Task<AgentSession?> WelcomeAsync(SocketConnection link, HelloMessage hello, CancellationToken cancel)
    {
        var session = new AgentSession(services, hello.Instance, Text(link));
        services.Directory.Add(session);
        bool isUp = false;
        try
        {
            if (!session.TryBind(hello.Tunnels!, out List<TunnelGrant> grants, out BoundMessage? refusal))
            {
                await RejectAsync(link, refusal.Code!, refusal.Message!, retry: refusal.Code == RejectCodes.NameConflict, cancel);
                return null;
            }

            var welcome = new WelcomeMessage
            {
                Version = ProtocolLimits.Version,
                Software = Product.Software,
                Session = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16)),
                Tunnels = grants,
            };
            await Handshake.SendAsync(link.Output, FrameKind.Welcome, welcome, cancel);
            isUp = true;
            return session;
        }
        finally
        {
            if (!isUp)
            {
                await session.GiveUpAsync("the handshake failed");
                services.Directory.Remove(session);
            }
        }
    }

    private async Task RejectAsync(SocketConnection link, string code, string message, bool retry, CancellationToken cancel)
    {
        ServerLog.AgentRefused(services.Log, Text(link), code, message);
        var reject = new RejectMessage { Code = code, Message = message.Length > ProtocolLimits.Sentence ? message[..ProtocolLimits.Sentence] : message, Retry = retry };
        await Handshake.SendAsync(link.Output, FrameKind.Reject, reject, cancel);
    }

    private void OnFault(AcceptFault fault)
    {
        if (_rareFault.IsDue())
        {
            ServerLog.AcceptFault(services.Log, fault.EndPoint, fault.Error.ToString(), fault.RetryAfter.TotalMilliseconds);
        }
    }

    private static string Text(SocketConnection link) => link.RemoteEndPoint.ToString();
}
