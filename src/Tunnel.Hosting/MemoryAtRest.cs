namespace Tunnel.Hosting;

/// <summary>
/// Gives a program's garbage back to the system when it has become quiet: after its start, or when a crowd has gone. By itself the
/// collector waits for the next allocations, which a program at rest does not make, and keeps what it has freed.
/// </summary>
public sealed class MemoryAtRest : IDisposable
{
    /// <summary>A program that allocates less than <see cref="Little"/> in it is quiet.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(3);

    /// <summary>Bytes: some hundred requests.</summary>
    public const long Little = 64 * 1024;

    /// <summary>Bytes: so much must have been allocated since the last time.</summary>
    public const long Worthwhile = 1024 * 1024;

    private readonly Func<long> _allocated;
    private readonly Action _collect;
    private readonly ITimer _timer;
    private long _lastSeen;
    private long _lastCollected;

    /// <param name="allocated">Bytes since the program began.</param>
    /// <param name="collect">Gives back what is free.</param>
    public MemoryAtRest(TimeProvider time, Func<long>? allocated = null, Action? collect = null)
    {
        _allocated = allocated ?? (static () => GC.GetTotalAllocatedBytes());
        _collect = collect ?? (static () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true));
        _timer = time.CreateTimer(static state => ((MemoryAtRest)state!).Look(), this, Period, Period);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        long allocated = _allocated();
        bool isQuiet = allocated - _lastSeen < Little;
        _lastSeen = allocated;
        if (isQuiet && allocated - _lastCollected >= Worthwhile)
        {
            _lastCollected = allocated;
            _collect();
        }
    }
}
