using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Flow;

/// <summary>
/// What we allow the peer to send on one stream, and when we allow more (docs/protocol.md, section 5).
/// Whatever was granted and not yet consumed counts against the session's budget.
/// Pure: the caller brings the clock's readings and holds the stream's lock.
/// </summary>
internal struct ReceiveWindow
{
    private readonly MemoryBudget _budget;
    private int _available;
    private int _consumed;
    private TimeSpan _lastGrant;
    private bool _returned;

    /// <param name="promised">Bytes it has for sure: the peer counts on them.</param>
    /// <param name="now">A reading of the session's clock.</param>
    /// <param name="wanted">Bytes to start with, if the budget gives them.</param>
    public ReceiveWindow(int promised, MemoryBudget budget, TimeSpan now, int wanted = 0)
    {
        _budget = budget;
        _lastGrant = now;
        budget.Reserve(promised);
        bool isLarger = wanted > promised && budget.TryDraw(wanted - promised);
        Size = isLarger ? wanted : promised;
        _available = Size;
    }

    /// <summary>The whole window: what may be underway or buffered at one time.</summary>
    public int Size { readonly get; private set; }

    /// <summary>May become larger when it is what limits the sender.</summary>
    public readonly bool MayGrow => Size < ProtocolLimits.MostWindow && !_returned;

    /// <exception cref="ProtocolViolationException">The peer sent more than it was granted.</exception>
    public void Receive(int bytes)
    {
        if (bytes > _available)
        {
            throw new ProtocolViolationException(
                CloseCode.WindowExceeded, $"{bytes} bytes on a window that has {_available} left.");
        }

        _available -= bytes;
    }

    /// <summary>
    /// The user took bytes. Returns whether a grant is due: half the window was taken, or the user cannot go on without
    /// more (<paramref name="wantsMore"/>) while the peer may send nothing.
    /// </summary>
    public bool Consume(int bytes, bool wantsMore = false)
    {
        _consumed += bytes;
        bool isDue = _consumed >= Size / 2 || (wantsMore && _available == 0 && _consumed > 0);
        return isDue && !_returned;
    }

    /// <summary>The user reads no more: all that came counts as taken. Returns whether a grant is due.</summary>
    public bool ConsumeAll()
    {
        _consumed = Size - _available;
        return Consume(0);
    }

    /// <summary>The grant that is due: what was taken, and more when the window is what limits the sender.</summary>
    /// <param name="leastRoundTrip">The least of the last seconds, or null while it is unknown: no growth then.</param>
    public uint Grant(TimeSpan now, TimeSpan? leastRoundTrip)
    {
        int grant = _consumed;
        if (_budget.IsTight && Size > ProtocolLimits.FirstAnswerWindow)
        {
            int less = Math.Min(grant - 1, Size - ProtocolLimits.FirstAnswerWindow);
            _budget.Return(less);
            Size -= less;
            grant -= less;
        }
        else if (leastRoundTrip is { } roundTrip && MayGrow && now - _lastGrant < roundTrip)
        {
            // Half the window went in less than one round trip: the sender waited for us, not for itself.
            int more = Math.Min(Size, ProtocolLimits.MostWindow - Size);
            if (_budget.TryDraw(more))
            {
                Size += more;
                grant += more;
            }
        }

        _consumed = 0;
        _available += grant;
        _lastGrant = now;
        return (uint)grant;
    }

    /// <summary>The stream is over: what it drew goes back, once.</summary>
    public void ReturnBudget()
    {
        if (!_returned)
        {
            _returned = true;
            _budget.Return(Size);
        }
    }
}
