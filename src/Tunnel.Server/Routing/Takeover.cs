namespace Tunnel.Server.Routing;

/// <summary>What a session that asks for a name means to one that holds it.</summary>
internal enum TakeoverVerdict
{
    /// <summary>Both serve the name.</summary>
    Joins,

    /// <summary>The holder is the session itself: what it says now takes the place of what it said before.</summary>
    Updates,

    /// <summary>The holder is on its way out and gives the name up; it is not closed.</summary>
    Follows,

    /// <summary>The holder gives this name up, and keeps what else it has; it is closed with its last one.</summary>
    Takes,

    /// <summary>The holder gives the name up and is closed: the agent that asks has taken its place.</summary>
    Replaces,

    /// <summary>The holder keeps the name.</summary>
    Conflicts,
}

/// <summary>Who may take a name from whom (docs/protocol.md, section 7, "Names"). Pure: what it judges has been found out before.</summary>
internal static class Takeover
{
    /// <summary>After so long without a link another agent of the same identity may take the name.</summary>
    public static readonly TimeSpan DetachedTime = TimeSpan.FromSeconds(5);

    /// <summary>An attached holder that sent no byte for so long after a PING is dead.</summary>
    public static readonly TimeSpan SilentTime = TimeSpan.FromSeconds(2);

    public static TakeoverVerdict Judge(ServedTunnel wanted, ServedTunnel held)
    {
        TunnelHolder newer = wanted.Holder;
        TunnelHolder older = held.Holder;
        if (newer == older)
        {
            return TakeoverVerdict.Updates;
        }

        if (newer.Identity != older.Identity)
        {
            return TakeoverVerdict.Conflicts;
        }

        if (older.IsLeaving)
        {
            return TakeoverVerdict.Follows;
        }

        if (newer.Replaces == older.Session)
        {
            return TakeoverVerdict.Replaces;
        }

        if (newer.Instance.Id == older.Instance.Id)
        {
            // Another run is the past of this agent: it is not there any more, with all its sessions.
            bool isBeside = newer.Instance.Run is not null && newer.Instance.Run == older.Instance.Run
                && newer.Instance.Slot != older.Instance.Slot;
            return isBeside && wanted.MayServeBeside(held) ? TakeoverVerdict.Joins : TakeoverVerdict.Replaces;
        }

        if (wanted.IsPooled && held.IsPooled && wanted.MayServeBeside(held))
        {
            return TakeoverVerdict.Joins;
        }

        return older.IsDead || older.DetachedFor >= DetachedTime ? TakeoverVerdict.Takes : TakeoverVerdict.Conflicts;
    }

    /// <summary>Whether a holder that had to give a name up has nothing to live for: it is the past of the session that took it.</summary>
    public static bool IsPast(TunnelHolder newer, TunnelHolder older) =>
        newer.Replaces == older.Session || newer.Instance.Id == older.Instance.Id;

    /// <summary>Whether waiting or asking may still turn a conflict with this holder into a takeover.</summary>
    public static bool MayStillYield(ServedTunnel wanted, ServedTunnel held) =>
        Judge(wanted, held) == TakeoverVerdict.Conflicts
        && wanted.Holder.Identity == held.Holder.Identity;
}
