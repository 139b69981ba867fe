using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Routing;

/// <summary>Which running agent a session belongs to, and which of its sessions this is.</summary>
/// <param name="Id">Kept when the same agent is started again; two agents that run at one time never share it.</param>
/// <param name="Run">Another one after every start; null from agents that do not say.</param>
/// <param name="Slot">Counts the sessions that one agent keeps side by side.</param>
internal readonly record struct AgentInstance(string Id, string? Run = null, int Slot = 0);

/// <summary>One session as the holder of names: who it is, and whether it can serve at the moment.</summary>
internal sealed class TunnelHolder : IServingSession
{
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private long? _detachedAt;
    private TimeSpan? _silentSince;

    public TunnelHolder(Session session, AgentIdentity identity, AgentInstance instance, string address, TimeProvider time)
    {
        _time = time;
        _detachedAt = time.GetTimestamp();
        Session = session;
        Identity = identity;
        Instance = instance;
        Address = address;
        Caption = identity.At(address);
        Shares = new VisitorShares(this);
    }

    public Session Session { get; }

    /// <summary>Whom the session acts for: names pass between sessions of one identity only.</summary>
    public AgentIdentity Identity { get; }

    public AgentInstance Instance { get; }

    /// <inheritdoc/>
    public VisitorShares Shares { get; }

    /// <summary>For people.</summary>
    public string Address { get; }

    /// <summary>Address and token, for the log.</summary>
    public string Caption { get; }

    /// <inheritdoc/>
    public string? TokenName => Identity.TokenName;

    /// <summary>The session that this one comes after, as it has proved: whatever that one holds is its own.</summary>
    public Session? Replaces { get; init; }

    /// <summary>
    /// The session has a link; without one, requests wait for it at the name. The session knows of a loss a moment before we
    /// are told.
    /// </summary>
    public bool IsAttached
    {
        get
        {
            lock (_lock)
            {
                return _detachedAt is null && Session.IsAttached;
            }
        }
    }

    /// <summary>
    /// Found silent when it was asked, and silent ever since: it may be replaced although it has a link. One that was only
    /// slow is alive again with its next byte.
    /// </summary>
    public bool IsDead
    {
        get
        {
            lock (_lock)
            {
                return _silentSince is { } since && since == Session.LastByteAt;
            }
        }
    }

    /// <inheritdoc/>
    public bool IsLeaving => Session.IsLeaving || Session.Ended.IsCompleted;

    /// <inheritdoc/>
    public int OpenStreams => Session.OpenStreams;

    /// <inheritdoc/>
    public int MostStreams => Session.Options.MaxStreams;

    /// <inheritdoc/>
    public bool HasRoom => IsAttached && !IsLeaving && OpenStreams < MostStreams;

    /// <summary>How long it has had no link; null while it has one.</summary>
    public TimeSpan? DetachedFor
    {
        get
        {
            lock (_lock)
            {
                return _detachedAt is { } since ? _time.GetElapsedTime(since) : null;
            }
        }
    }

    public void Attached()
    {
        lock (_lock)
        {
            _detachedAt = null;
            _silentSince = null;
        }
    }

    public void Detached()
    {
        lock (_lock)
        {
            _detachedAt ??= _time.GetTimestamp();
        }
    }

    /// <param name="since">The session's <see cref="Session.LastByteAt"/> when it was asked.</param>
    public void FoundSilent(TimeSpan since)
    {
        lock (_lock)
        {
            _silentSince = since;
        }
    }

    /// <inheritdoc/>
    public ITunnelStream? TryOpen(in OpenHeader open) => Session.TryOpen(open);

    /// <inheritdoc/>
    public void CopyStreams(List<ITunnelStream> streams) => Session.CopyStreams(streams);
}
