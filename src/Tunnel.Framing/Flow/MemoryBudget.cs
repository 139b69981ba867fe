namespace Tunnel.Framing.Flow;

/// <summary>
/// An amount of memory that windows may draw on; one per session and one for the whole process, which is the
/// parent of the others. Safe from any thread. Bytes.
/// </summary>
public sealed class MemoryBudget(long limit, MemoryBudget? parent = null)
{
    private long _used;

    /// <summary>What is drawn at the moment, reserves included.</summary>
    public long Used => Volatile.Read(ref _used);

    /// <summary>Less than half is drawn: new windows may start large.</summary>
    public bool IsEasy => Used < limit / 2 && parent is not { IsEasy: false };

    /// <summary>More than three quarters are drawn: large windows give back.</summary>
    public bool IsTight => Used > limit / 4 * 3 || parent is { IsTight: true };

    /// <summary>Draws for growth, here and from the parent; false, and nothing drawn, when either has too little left.</summary>
    public bool TryDraw(long bytes)
    {
        if (Interlocked.Add(ref _used, bytes) > limit)
        {
            Interlocked.Add(ref _used, -bytes);
            return false;
        }

        if (parent is not null && !parent.TryDraw(bytes))
        {
            Interlocked.Add(ref _used, -bytes);
            return false;
        }

        return true;
    }

    /// <summary>Gives back what <see cref="TryDraw"/> drew.</summary>
    public void Return(long bytes)
    {
        Interlocked.Add(ref _used, -bytes);
        parent?.Return(bytes);
    }

    /// <summary>Draws what every stream has for sure; always granted, and not the parent's affair.</summary>
    public void Reserve(long bytes) => Interlocked.Add(ref _used, bytes);

    /// <summary>Gives back a reserve.</summary>
    public void Release(long bytes) => Interlocked.Add(ref _used, -bytes);
}
