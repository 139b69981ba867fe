namespace Tunnel.Transport.Buffers;

/// <summary>
/// Ages what is kept for reuse, at a fixed period, as long as anything is kept; a program at rest is not woken. Owns one
/// timer.
/// </summary>
/// <param name="age">Drops what was not needed for a period; returns whether anything is left to age.</param>
public sealed class Ageing(TimeProvider time, TimeSpan period, Func<bool> age) : IDisposable
{
    private readonly Lock _lock = new();
    private ITimer? _timer;
    private volatile bool _isAwake;
    private bool _isDisposed;

    /// <summary>Something was put aside for reuse. Cheap when it is called often.</summary>
    public void Wake()
    {
        if (!_isAwake)
        {
            Start();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _timer?.Dispose();
        }
    }

    private void Start()
    {
        lock (_lock)
        {
            if (_isAwake || _isDisposed)
            {
                return;
            }

            _isAwake = true;
            _timer ??= time.CreateTimer(
                static state => ((Ageing)state!).OnPeriod(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(period, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnPeriod()
    {
        // Asleep first: whatever is put aside while we look wakes us again.
        _isAwake = false;
        if (age())
        {
            Start();
        }
    }
}
