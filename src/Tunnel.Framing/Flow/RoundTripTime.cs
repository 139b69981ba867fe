namespace Tunnel.Framing.Flow;

/// <summary>
/// The least round trip of the last ten seconds, in two halves of five: windows grow by it, and a minimum is what
/// queues on the way cannot fake. Pure.
/// </summary>
internal sealed class RoundTripTime
{
    private static readonly TimeSpan Half = TimeSpan.FromSeconds(5);

    private TimeSpan? _older;
    private TimeSpan? _newer;
    private TimeSpan _newerSince;

    public void Observe(TimeSpan roundTrip, TimeSpan now)
    {
        Age(now);
        if (_newer is null)
        {
            _newerSince = now;
        }

        _newer = _newer is { } least && least < roundTrip ? least : roundTrip;
    }

    /// <summary>Null until something was measured. With nothing measured lately, the last known stays.</summary>
    public TimeSpan? Least(TimeSpan now)
    {
        Age(now);
        return _older < _newer ? _older : _newer ?? _older;
    }

    private void Age(TimeSpan now)
    {
        if (now - _newerSince >= Half && _newer is not null)
        {
            _older = _newer;
            _newer = null;
        }
    }
}
