using System.Diagnostics.CodeAnalysis;
using Tunnel.Agent.Diagnostics;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Transport;

namespace Tunnel.Agent.Connection;

/// <summary>
/// Keeps one session alive from link to link until it ends (docs/protocol.md, section 7, "Resume"): when its link is lost, or in
/// doubt, it dials again, and gives the old link up for good before it says what it has received.
/// </summary>
/// <remarks><see cref="RunAsync"/> owns the session, its links and the requests it plays; nothing is left when it returns.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "RunAsync disposes of what it makes before it returns.")]
internal sealed class SessionKeeper : ISessionNews
{
    /// <summary>A link in doubt that gives no sign of life for so long is replaced.</summary>
    private static readonly TimeSpan DoubtTime = TimeSpan.FromSeconds(1);

    private readonly ConnectionServices _services;
    private readonly ServerLink _server;
    private readonly int _slot;
    private readonly ResumeSecret? _secret;
    private readonly OriginPlayer _player;
    private readonly Patience _patience;
    private readonly Backoff _backoff = new(Random.Shared);
    private readonly TaskCompletionSource<GoAwayMessage> _goingAway = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _over = new();
    private volatile AgentStatus _status = new(AgentState.Connected);
    private long _attach;

    /// <param name="granted">A tunnel can be used.</param>
    public SessionKeeper(ConnectionServices services, ServerLink server, int slot, WelcomeMessage welcome, Action<SessionKeeper, AgentTunnel, TunnelGrant> granted)
    {
        _services = services;
        _server = server;
        _slot = slot;
        _patience = new Patience(services.Time);
        Id = welcome.Session;
        _secret = welcome.Secret is { } hex ? ResumeSecret.Parse(hex) : null;
        _player = new OriginPlayer(services.Tunnels, services.Memory, services.Options.Http, this, services.Watch);
        TimeSpan window = _secret is null ? TimeSpan.Zero : TimeSpan.FromMilliseconds(welcome.ResumeWindow);
        SessionOptions agreed = services.Session.AgreeWith(welcome.Streams, welcome.UploadWindow);
        Session = new Session(LinkRole.Agent, agreed with { ResumeWindow = window }, _player);
        Tunnels = new SessionTunnels(services, server, slot, Session, (tunnel, grant) => granted(this, tunnel, grant));
    }

    public string Id { get; }

    public Session Session { get; }

    /// <summary>The server will leave, and says so.</summary>
    public Task<GoAwayMessage> GoingAway => _goingAway.Task;

    /// <summary>The tunnels on it.</summary>
    public SessionTunnels Tunnels { get; }

    public AgentStatus Status => _status;

    /// <summary>What the server refused a later link with, when no further try can cure it.</summary>
    public NoLinkException? Refusal { get; private set; }

    /// <summary>A new session that shows this is never a stranger.</summary>
    public ReplaceRequest? Replacement => _secret is null || Session.Ended.IsCompleted
        ? null
        : new ReplaceRequest { Session = Id, Proof = _secret.ProveReplacement(Id, _services.Self.Instance) };

    /// <summary>The link is in doubt: it is asked at once, and a wait for the next try ends.</summary>
    public void Poke() => _patience.Poke();

    /// <summary>Serves the session over this link and those that follow, until it has ended.</summary>
    public async Task<SessionEnd> RunAsync(IConnection first)
    {
        Task<SessionEnd> life = Session.RunAsync();
        Task ending = CancelWhenOverAsync();
        Task tunnels = BindAsync();
        try
        {
            (IConnection Link, ulong Count)? next = (first, 0);
            while (next is { } link)
            {
                Task served = ServeAsync(link.Link, link.Count);
                await WatchAsync(served);
                next = await ReconnectAsync(served);
                await served;
            }
        }
        catch (Exception error)
        {
            // A fault of ours ends this session, with its name in the log, not the agent.
            AgentLog.SessionFault(_services.Log, error);
            Session.Close(CloseCode.InternalError, "a fault of the agent");
        }

        SessionEnd end = await life;
        await ending;
        await tunnels;
        await _player.WhenIdleAsync();
        _player.Close();
        _over.Dispose();
        return end;
    }

    private async Task ServeAsync(IConnection link, ulong count)
    {
        await using (link)
        {
            await Session.AttachAsync(link, count);
        }
    }

    private async Task BindAsync()
    {
        try
        {
            await Tunnels.RunAsync(_over.Token);
        }
        catch (Exception error)
        {
            AgentLog.SessionFault(_services.Log, error);
            Session.Close(CloseCode.InternalError, "a fault of the agent");
        }
    }

    void ISessionNews.OnGoAway(GoAwayMessage message) => _goingAway.TrySetResult(message);

    void ISessionNews.OnBound(BoundMessage message) => Tunnels.OnBound(message);

    void ISessionNews.OnUnbound(UnboundMessage message) => Tunnels.OnUnbound(message);

    // Returns when the link is lost or does not answer.
    private async Task WatchAsync(Task served)
    {
        _patience.Rest();
        long since = _services.Time.GetTimestamp();
        ulong carried = Carried();
        while (await Task.WhenAny(served, _patience.Poked) != served)
        {
            _patience.Rest();
            if (!await Session.IsAliveAsync(DoubtTime) && !served.IsCompleted)
            {
                break;
            }
        }

        _backoff.LinkEnded(_services.Time.GetElapsedTime(since), hasCarried: Carried() != carried);
    }

    // What the peer had at the start of the link is counted with the one before.
    private ulong Carried()
    {
        (_, ulong acknowledged, ulong received) = Session.Counts;
        return acknowledged + received;
    }

    // The next link, attached by nobody yet; null when the session has ended.
    private async Task<(IConnection Link, ulong Count)?> ReconnectAsync(Task served)
    {
        string reason = $"The connection to {_services.Server} was lost.";
        string code = AgentErrors.LinkLost.Code;
        while (!Session.Ended.IsCompleted)
        {
            TimeSpan delay = _backoff.Next();
            _status = new AgentStatus(AgentState.Reconnecting, reason, _services.Time.GetUtcNow() + delay);
            AgentLog.Resuming(_services.Log, reason, delay.TotalSeconds, code);
            try
            {
                await _patience.WaitAsync(delay, _over.Token);
                return await ResumeAsync(served);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
            catch (NoLinkException error)
            {
                (reason, code) = (error.Message, error.Code);
                OnRefused(error);
            }
        }

        return null;
    }

    private async Task<(IConnection Link, ulong Count)?> ResumeAsync(Task served)
    {
        IConnection link = await _server.DialAsync(_over.Token);
        bool isUp = false;
        try
        {
            // Only now, with another way at hand, is the old link given up; and for good, so that the count is final.
            long count = (long)await Session.DetachAsync();
            await served;
            if (Session.Ended.IsCompleted)
            {
                return null;
            }

            long attach = ++_attach;
            var resume = new ResumeRequest { Session = Id, Attach = attach, Count = count, Proof = _secret!.Prove(Id, attach, count) };
            WelcomeMessage welcome = await _server.GreetAsync(link, Hello.Resume(_services, _slot, resume), _over.Token);
            AgentLog.Resumed(_services.Log, _services.Server);
            _status = new AgentStatus(AgentState.Connected);
            isUp = true;
            return (link, (ulong)welcome.Count.GetValueOrDefault());
        }
        finally
        {
            if (!isUp)
            {
                await link.DisposeAsync();
            }
        }
    }

    private void OnRefused(NoLinkException error)
    {
        if (error.RetryAfter is { } after)
        {
            _backoff.ServerNamed(after);
        }

        if (error.Code == RejectCodes.ResumeRefused || error.Exit is not null)
        {
            Refusal = error;
            Session.Close(CloseCode.Normal, error.Message);
        }
    }

    private async Task CancelWhenOverAsync()
    {
        SessionEnd end = await Session.Ended;
        _status = new AgentStatus(AgentState.Offline, Printable.Of(end.Message));
        await _over.CancelAsync();
    }
}
