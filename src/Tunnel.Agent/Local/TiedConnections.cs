using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;

namespace Tunnel.Agent.Local;

/// <summary>Whom an origin connection with a login serves: one connection of one visitor, as one session numbers it.</summary>
/// <param name="Session">Stands for the session: numbers of different servers may be equal.</param>
internal readonly record struct ConnectionTie(OriginPlayer Session, ulong Number);

/// <summary>
/// Idle origin connections that may carry a visitor's login (docs/protocol.md, section 12), each kept for that visitor's
/// connection alone and given to nobody else. They are few, so that strangers who pretend to log in cannot fill the agent;
/// when there are too many, the visitor that holds most loses the one that was idle longest. Safe from any thread.
/// </summary>
/// <param name="discard">Takes what is not kept any more.</param>
/// <param name="now">The pool's clock.</param>
internal sealed class TiedConnections(Action<OriginConnection> discard, Func<TimeSpan> now)
{
    /// <summary>Connections kept in all.</summary>
    public const int Most = 256;

    /// <summary>How long one is kept while its visitor asks for nothing; the server tells of most that leave.</summary>
    public static readonly TimeSpan KeepFor = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<ConnectionTie, Kept> _idle = [];
    private bool _isClosed;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _idle.Count;
            }
        }
    }

    /// <summary>The connection kept for this visitor's connection; null: there is none, or the origin has closed it.</summary>
    public OriginConnection? TryTake(ConnectionTie tie)
    {
        OriginConnection connection;
        lock (_lock)
        {
            if (!_idle.Remove(tie, out Kept kept))
            {
                return null;
            }

            connection = kept.Connection;
        }

        if (now() < connection.IdleUntil && connection.IsQuiet(isSure: true))
        {
            connection.Begin();
            return connection;
        }

        discard(connection);
        return null;
    }

    /// <summary>The answer is complete and the connection clean: keeps it for the next request of the same visitor's connection.</summary>
    /// <param name="visitor">Who may hold how many.</param>
    public void Return(ConnectionTie tie, OriginConnection connection, VisitorAddress visitor, KeepAliveHint hint)
    {
        connection.IsReused = true;
        connection.IdleSince = now();
        connection.IdleUntil = connection.IdleSince + hint.Shorten(KeepFor);
        bool isKept = !connection.HasUnread && connection.IdleUntil > connection.IdleSince;
        OriginConnection? over = null;
        lock (_lock)
        {
            // A second one for the same visitor's connection is of a request that was given up while it ran.
            isKept = isKept && !_isClosed && _idle.TryAdd(tie, new Kept(connection, HolderOf(visitor)));
            if (_idle.Count > Most)
            {
                over = Oust();
            }
        }

        if (!isKept)
        {
            discard(connection);
        }

        if (over is not null)
        {
            discard(over);
        }
    }

    /// <summary>The visitor's connection has ended.</summary>
    public void End(ConnectionTie tie)
    {
        Kept kept;
        lock (_lock)
        {
            if (!_idle.Remove(tie, out kept))
            {
                return;
            }
        }

        discard(kept.Connection);
    }

    /// <summary>The session has ended, and none of its requests runs any more.</summary>
    public void EndAll(OriginPlayer session) => DiscardAll(tie => tie.Key.Session == session);

    /// <summary>Lets go of what was idle for too long, and of what the origin has closed.</summary>
    public void Sweep()
    {
        TimeSpan time = now();
        DiscardAll(tie => tie.Value.Connection.IdleUntil <= time || !tie.Value.Connection.IsQuiet(isSure: false));
    }

    /// <summary>Nothing is kept from now on.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
        }

        DiscardAll(static _ => true);
    }

    private void DiscardAll(Func<KeyValuePair<ConnectionTie, Kept>, bool> which)
    {
        KeyValuePair<ConnectionTie, Kept>[] over;
        lock (_lock)
        {
            if (_idle.Count == 0)
            {
                return;
            }

            over = [.. _idle.Where(which)];
            foreach ((ConnectionTie tie, _) in over)
            {
                _idle.Remove(tie);
            }
        }

        foreach ((_, Kept kept) in over)
        {
            discard(kept.Connection);
        }
    }

    // The lock is held.
    private OriginConnection Oust()
    {
        (ConnectionTie tie, Kept kept) = _idle
            .GroupBy(static idle => idle.Value.Holder)
            .MaxBy(static holder => holder.Count())!
            .MinBy(static idle => idle.Value.Connection.IdleSince);
        _idle.Remove(tie);
        return kept.Connection;
    }

    // Whoever has an IPv6 address has a /64 of them.
    private static VisitorAddress HolderOf(VisitorAddress visitor) =>
        visitor with { Port = 0, Bits = visitor.Family == 6 ? visitor.Bits >> 64 : visitor.Bits };

    private readonly record struct Kept(OriginConnection Connection, VisitorAddress Holder);
}
