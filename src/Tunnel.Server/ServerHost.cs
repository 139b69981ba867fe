using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Hosting.Files;
using Tunnel.Server.Agents;
using Tunnel.Server.Certificates;
using Tunnel.Server.Certificates.Acme;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Edge;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Guards;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;
using Tunnel.Transport;
using Tunnel.Transport.Buffers;
using Tunnel.Transport.EventThreads;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server;

/// <summary>
/// A whole server in one object: binds, serves, stops. The program, the quickstart and the tests all run this one.
/// Owns everything it makes; <see cref="DisposeAsync"/> leaves nothing running.
/// </summary>
[SuppressMessage("Usage", "CA2213", Justification = "The stop that OneStop runs disposes of everything, itself last.")]
public sealed class ServerHost : IAsyncDisposable
{
    /// <summary>When the server stops, requests that have come have so long to find their sessions.</summary>
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Connections that no request has come on for so long since the stop began are closed: a request may be on its way on
    /// those that are in use, and its answer says that there is no next one.
    /// </summary>
    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(1);

    private readonly ServerOptions _options;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly BlockPool _pool;
    private readonly BlockPool _inputPool;
    private readonly DeadlineClock _clock;
    private readonly ExchangeShelf _exchanges;
    private readonly ServerMetrics _metrics = new();
    private readonly EventThreadWatch _threads;
    private readonly AccessLog? _accessLog;
    private readonly TunnelRegistry _registry;
    private readonly AgentDirectory _directory = new();
    private readonly VisitorCensus _census;
    private readonly CertificateStore _certificates;
    private readonly AcmeCertificates? _acme;
    private readonly EdgeListener _edge;
    private readonly EdgeListener? _secureEdge;
    private readonly TcpPorts _tcpPorts;
    private readonly TunnelAddresses _addresses;
    private readonly AgentListener _agents;
    private readonly ServerState? _state;
    private readonly TokenWatch? _tokens;
    private readonly PasswordChecks _passwords;
    private readonly OneStop _stopping = new();

    private ServerHost(ServerOptions options, ServerState? state, AppendFile? accessLog, ILogger log, TimeProvider time)
    {
        _state = state;
        _options = options;
        _log = log;
        _time = time;
        MemoryPlan plan = MemoryPlan.Of(options.MemoryLimit);
        _pool = new BlockPool(new BlockPoolOptions { RetainedBytesPerClass = plan.Retained });
        _inputPool = new BlockPool(new BlockPoolOptions { RetainedBytesPerClass = plan.Retained });
        var memory = new ProcessMemory(plan.Limit, () => _pool.RentedBytes);
        _clock = new DeadlineClock(time);
        var hold = new WaitingLimits
        {
            Time = options.Waiting.Hold,
            NameMemory = options.Waiting.NameMemory,
            MostRequests = options.Waiting.MaxHeld,
            MostBytes = options.Waiting.MaxHeldBytes ?? plan.Copies,
        };
        _census = new VisitorCensus(options, _metrics);
        _metrics.Observe(() => _directory.All.Select(agent => (agent.Holder.Address, agent.Session)));
        var gate = new Gatekeeper(options, state?.Tokens, time, log);
        _passwords = new PasswordChecks(time);
        _registry = new TunnelRegistry(hold, gate.IsKnown, time, _clock);

        string folder = StateDirectory.Resolve(options.StateDir);
        CertificateFile? selfSigned = SelfSigned.Find(options, folder, time.GetUtcNow());
        _certificates = new CertificateStore(CertificateSources.From(options, selfSigned), options.Domain, time, log, options.Acme.IsOn);
        PendingProofs? proofs = options.Acme.IsOn ? new PendingProofs(time) : null;

        // All listeners are bound before any serves: a port that is taken costs nobody a request.
        var bound = new List<SocketListener>();
        SocketListener visitors;
        SocketListener? secure = null;
        SocketListener agents;
        try
        {
            bound.Add(visitors = VisitorPorts.BindHttp(options, time, (why, port) => ServerLog.PortFallback(log, why, port, "http")));
            if (options.Listen.HttpsPort is not null || _certificates.IsConfigured)
            {
                bound.Add(secure = VisitorPorts.BindHttps(options, time, (why, port) => ServerLog.PortFallback(log, why, port, "https")));
            }

            bound.Add(agents = VisitorPorts.BindAgents(options, time));
            options.Listen.Inherited?.RequireAllClaimed(VisitorPorts.SocketNames);
            _acme = AcmeCertificates.Open(
                options,
                Path.Combine(folder, "acme"),
                visitors.Port == ServerOptions.PreferredHttpPort,
                secure?.Port == ServerOptions.PreferredHttpsPort,
                proofs,
                _certificates,
                log,
                time);
        }
        catch
        {
            // Nobody else knows of these; they have not begun to accept, so this completes at once.
            bound.ForEach(static listener => _ = listener.DisposeAsync().AsTask());
            _ = _certificates.DisposeAsync().AsTask();
            throw;
        }

        _threads = new EventThreadWatch(time, _metrics.EventThreadHeard);
        _accessLog = accessLog is null ? null : new AccessLog(accessLog, options.AccessLog.IsJson, log, time);
        var forwarding = new ForwardingServices
        {
            Options = options,
            Registry = _registry,
            Pool = _pool,
            Memory = new VisitorMemory(memory, plan, time, log),
            Time = time,
            Clock = _clock,
            Rules = new EntryRules(options, _certificates.IsConfigured ? secure?.Port : null),
            Date = new HttpDate(time),
            Metrics = _metrics,
            AccessLog = _accessLog,
            IsPassthrough = gate.IsPassthrough,
            Proofs = proofs,
            Log = log,
        };
        _exchanges = new ExchangeShelf(forwarding);
        var edge = new EdgeServices(forwarding)
        {
            Exchanges = _exchanges,
            Census = _census,
            Sockets = new VisitorSockets(memory, plan),
            Http2 = new Http2Refusal(time, log),
            Parting = new Parting(time),
        };
        var protocols = new PortProtocols(edge, _certificates);
        _edge = new EdgeListener(edge, visitors, protocols.Http);
        _secureEdge = secure is null ? null : new EdgeListener(edge, secure, protocols.Https);
        _tcpPorts = new TcpPorts(edge, protocols, port => new SocketListener(VisitorPorts.Spec(options, port), time), VisitorPorts.NumbersOf(visitors, secure, agents));
        _addresses = new TunnelAddresses(options, _registry)
        {
            HttpPort = visitors.Port,
            HttpsPort = secure?.Port,
            TerminatesTls = _certificates.IsConfigured,
            HasCertificateFor = _certificates.Covers,
            TcpPorts = _tcpPorts,
        };
        SessionOptions session = options.Session with
        {
            MaxStreams = options.Agents.MaxStreamsPerSession,
            ResumeWindow = options.Waiting.ResumeWindow,
            Pool = _pool,
            InputPool = _inputPool,
            Time = time,
            StreamsRunInline = true,
            WriterScheduler = EventThreadScheduler.Shared,
            ProcessMemory = memory,
            WaitingPerStream = Math.Min(options.Session.WaitingPerStream, plan.Piece),
            ReplayBytes = plan.Unacknowledged,
            FindAppendInPlace = SocketConnection.FindAppendInPlace,
        };
        _agents = new AgentListener(
            new AgentServices(options, _registry, _directory, session, _addresses, _metrics, log)
            {
                Gate = gate,
                Key = state?.Key,
                Passwords = _passwords,
                FindCertificate = name => _certificates.Find(name)?.HandshakeFor(offersTls13: true).ServerCertificateContext,
            },
            agents);
        edge.TakeAgent = _agents.TakeAsync;
        _tokens = state is null ? null : new TokenWatch(state.Tokens, EndWhoMayNotGoOn, time, log);
    }

    /// <summary>The port visitors connect to.</summary>
    public int HttpPort => _edge.Port;

    /// <summary>The port for encrypted visitors; null: there is none.</summary>
    public int? HttpsPort => _secureEdge?.Port;

    /// <summary>Ports open for TCP tunnels.</summary>
    public int OpenTcpPorts => _tcpPorts.Count;

    /// <summary>The port agents connect to.</summary>
    public int AgentPort => _agents.Port;

    /// <summary>Open visitor connections, connected agents and names that are served.</summary>
    public (int Visitors, int Agents, int Names) Counts => (_census.Count, _directory.Count, _registry.Count);

    /// <summary>Requests that wait for an agent.</summary>
    public int Held => _registry.Waiting;

    /// <summary>Streams open in all sessions.</summary>
    public int OpenStreams => _directory.All.Sum(agent => agent.Session.OpenStreams);

    /// <summary>Blocks of memory in use; 0 when nothing is under way.</summary>
    public long RentedBlocks => _pool.RentedCount + _inputPool.RentedCount;

    /// <summary>Binds both ports and begins to serve.</summary>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    /// <exception cref="BindException">A port or address cannot be had.</exception>
    /// <exception cref="StateException">The state cannot be written.</exception>
    /// <param name="state">Its key and tokens; the caller's, for longer than the server. Null: only local agents are admitted.</param>
    public static ServerHost Start(ServerOptions options, ILoggerFactory logs, TimeProvider? time = null, ServerState? state = null)
    {
        options.Validate();
        AppendFile? accessLog = options.AccessLog.File is { } path ? AccessLog.Open(path) : null;
        ServerHost host;
        try
        {
            host = new ServerHost(options, state, accessLog, logs.CreateLogger("tunnel-server"), time ?? TimeProvider.System);
        }
        catch
        {
            accessLog?.Dispose();
            throw;
        }

        host.NoteWhere();
        host._edge.Start();
        host._secureEdge?.Start();
        host._agents.Start();
        host._tokens?.Start();
        host._acme?.Start();
        ServerLog.Listening(host._log, VisitorPorts.Text(host._edge.EndPoints), VisitorPorts.Text(host._agents.EndPoints));
        if (host._secureEdge is { } secure)
        {
            ServerLog.ListeningTls(host._log, VisitorPorts.Text(secure.EndPoints));
        }

        StartLines.Tell(options, state, host._log);
        return host;
    }

    /// <summary>Every way to a name over the ports that visitors know: plain, and encrypted if that is served.</summary>
    public IReadOnlyList<string> UrlsOf(string name) => _addresses.UrlsOf(name);

    /// <summary>What a visitor types to reach a name that serves HTTP.</summary>
    public string PublicUrl(string name) => _addresses.UrlOf(name, TunnelTypes.Http);

    /// <summary>
    /// Takes in what others may have changed, now: the access log goes to the file that its path means, certificates and tokens
    /// are read again.
    /// </summary>
    public void Reload()
    {
        ServerLog.Reloading(_log);
        _accessLog?.Reopen();
        _certificates.Reload();
        _state?.Tokens.Refresh(_log);
    }

    /// <summary>
    /// Stops as asked: agents are told, nothing new is accepted, running requests have the grace to finish. Cancelling
    /// ends the grace at once, also when a stop is under way already.
    /// </summary>
    public Task StopAsync(CancellationToken hurry = default) => _stopping.RunAsync(StopOnceAsync, hurry);

    /// <summary>Stops without grace.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(new CancellationToken(canceled: true));

    private async Task StopOnceAsync(bool isHurried)
    {
        ServerLog.Stopping(_log, isHurried ? 0 : _options.Grace.TotalSeconds);
        using var grace = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Hurry);
        Task over = Task.Delay(_options.Grace, _time, grace.Token).ContinueWith(
            static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            // Requests that have come need their sessions: agents are told when all have one, and let go of last.
            TimeSpan settle = isHurried ? TimeSpan.Zero : SettleTime;
            TimeSpan quiet = isHurried ? TimeSpan.Zero : QuietTime;

            // Where a successor listens already, agents are to reach it, not us.
            await Task.WhenAll(
                _edge.BeginStopAsync(quiet, settle),
                _secureEdge?.BeginStopAsync(quiet, settle) ?? Task.CompletedTask,
                _options.Listen.MayHaveSuccessor ? _agents.StopListeningAsync() : Task.CompletedTask);
            await _agents.WhenRequestsHaveLeftAsync(settle);
            _agents.BeginStop();
            _registry.StopWaiting();
            await Task.WhenAll(_edge.StopAsync(over), _secureEdge?.StopAsync(over) ?? Task.CompletedTask, _tcpPorts.StopAsync(over));
            await _agents.StopAsync(over);
        }
        finally
        {
            if (_tokens is not null)
            {
                await _tokens.StopAsync();
            }

            await grace.CancelAsync();
            await over;
            await (_acme?.DisposeAsync() ?? ValueTask.CompletedTask);
            await _certificates.DisposeAsync();
            _registry.Dispose();
            await _threads.DisposeAsync();
            await _clock.DisposeAsync();
            _metrics.Dispose();
            if (_accessLog is not null)
            {
                await _accessLog.DisposeAsync();
            }

            _exchanges.Dispose();
            _pool.Dispose();
            _inputPool.Dispose();
            ServerLog.Stopped(_log);
        }
    }

    // Where HTTPS is served agents come in there as well, so that a firewall opens nothing for them; by the port that visitors use.
    private int PortForTokens =>
        HttpsPort is not { } https ? AgentPort : _options.Front.PublicUrl is { IsHttps: true } mapped ? mapped.Port : https;

    // For 'token create' alone: a disk that is full or read-only keeps nobody from being served.
    private void NoteWhere()
    {
        try
        {
            _state?.Note(new ServerNote(_options.Domain, PortForTokens));
        }
        catch (StateException error)
        {
            ServerLog.NoteUnsaved(_log, error.Message);
        }
    }

    private void EndWhoMayNotGoOn()
    {
        foreach (AgentSession agent in _directory.All)
        {
            agent.EndUnlessAllowed();
        }
    }
}
