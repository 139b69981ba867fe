using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Server.Routing;

/// <summary>
/// How many of a session's streams each visitor's address has, and whose stream gives way when the session is full, nothing
/// in it ends, and somebody waits who has fewer. Until a session is nearly full nobody is counted. Guarded by the registry's lock.
/// </summary>
internal sealed class VisitorShares(IServingSession session)
{
    /// <summary>Counts are good for so long: at a full session requests may come by thousands, most of them from whoever fills it.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<VisitorAddress, int> _counts = [];
    private readonly List<ITunnelStream> _streams = [];
    private TimeSpan? _countedAt;
    private VisitorAddress _heaviest;

    /// <summary>
    /// The last places of a session are for addresses that have few of it: whoever fills it leaves them alone, so that others
    /// come in at once. While these are free nothing has to give way.
    /// </summary>
    private int Reserve => session.MostStreams / 16;

    /// <summary>No more than the last places are left.</summary>
    public bool IsCrowded => session.OpenStreams >= session.MostStreams - Reserve;

    /// <summary>Whether the places that are left are for this visitor.</summary>
    public bool HasRoomFor(in VisitorAddress visitor, TimeSpan now)
    {
        if (!IsCrowded || Reserve == 0)
        {
            return true;
        }

        Refresh(now);
        return _counts.GetValueOrDefault(CustomerOf(visitor)) < Reserve;
    }

    /// <summary>Some other address has more streams than this one would have with one more.</summary>
    public bool IsSmall(in VisitorAddress visitor, TimeSpan now)
    {
        Refresh(now);
        return IsLighter(CustomerOf(visitor), promised: 0);
    }

    /// <summary>
    /// The stream whose place this visitor is to have: one whose own visitor is perhaps gone; else the newest of the address
    /// that has most, if this one is small beside it. One that has begun to answer only when that address has more than half
    /// of the session. Null: there is none.
    /// </summary>
    /// <param name="promised">Places that others of its address are to have already.</param>
    public ITunnelStream? FindWhoGivesWay(in VisitorAddress visitor, int promised, TimeSpan now)
    {
        Count(now);
        ITunnelStream? found = Newest(static stream => stream.Progress == StreamProgress.Abandoned);
        if (found is null && IsLighter(CustomerOf(visitor), promised))
        {
            _streams.RemoveAll(stream => CustomerOf(stream.Open.Visitor) != _heaviest);
            found = Newest(static stream => stream.Progress == StreamProgress.Waiting);
            if (found is null && _streams.Count > session.MostStreams / 2)
            {
                found = Newest(static _ => true);
            }
        }

        _streams.Clear();
        return found;
    }

    /// <summary>Whose an address is: an IPv6 customer has a /64 at least, and every address in it; ports say nothing.</summary>
    public static VisitorAddress CustomerOf(in VisitorAddress address) =>
        new(address.Family, address.Family == 6 ? address.Bits >> 64 : address.Bits, 0);

    private bool IsLighter(in VisitorAddress customer, int promised) =>
        _counts.GetValueOrDefault(_heaviest) > _counts.GetValueOrDefault(customer) + promised + 1;

    private void Refresh(TimeSpan now)
    {
        if (_countedAt is not { } at || now - at >= Fresh)
        {
            Count(now);
            _streams.Clear();
        }
    }

    // Fills the list too; who called clears it, or it would keep streams that have ended.
    private void Count(TimeSpan now)
    {
        _countedAt = now;
        _counts.Clear();
        session.CopyStreams(_streams);

        // What was broken off holds its place only until the agent has confirmed that.
        _streams.RemoveAll(static stream => stream.ResetCode is not null);
        int most = 0;
        foreach (ITunnelStream stream in _streams)
        {
            VisitorAddress customer = CustomerOf(stream.Open.Visitor);
            int count = _counts.GetValueOrDefault(customer) + 1;
            _counts[customer] = count;
            if (count > most)
            {
                (most, _heaviest) = (count, customer);
            }
        }
    }

    private ITunnelStream? Newest(Func<ITunnelStream, bool> isWanted)
    {
        ITunnelStream? newest = null;
        foreach (ITunnelStream stream in _streams)
        {
            // Those that have no id yet are the newest of all.
            if (isWanted(stream) && (newest is null || unchecked(stream.Id - 1) > unchecked(newest.Id - 1)))
            {
                newest = stream;
            }
        }

        return newest;
    }
}
