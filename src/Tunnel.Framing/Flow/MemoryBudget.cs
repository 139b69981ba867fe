namespace Tunnel.Framing.Flow;

/// <summary>
/// An amount of memory that the windows of one session may draw on, along with that of the whole process. Safe from any
/// thread. Bytes.
/// </summary>
public sealed class MemoryBudget(long limit, ProcessMemory? process = null)
{
    private long _used;

    /// <summary>What is drawn at the moment, reserves included.</summary>
    public long Used => Volatile.Read(ref _used);

    /// <summary>Less than half is drawn: new windows may start large.</summary>
    public bool IsEasy => Used < limit / 2 && process is not { IsEasy: false };

    /// <summary>More than three quarters are drawn: large windows give back.</summary>
    public bool IsTight => Used > limit / 4 * 3 || process is { IsTight: true };

    /// <summary>Draws for growth, here and from the process; false, and nothing drawn, when either has too little left.</summary>
    public bool TryDraw(long bytes)
    {
        if (Interlocked.Add(ref _used, bytes) <= limit && process?.TryDraw(bytes) != false)
        {
            return true;
        }

        Interlocked.Add(ref _used, -bytes);
        return false;
    }

    /// <summary>Gives back what <see cref="TryDraw"/> drew.</summary>
    public void Return(long bytes)
    {
        Interlocked.Add(ref _used, -bytes);
        process?.Return(bytes);
    }

    /// <summary>Draws what every stream has for sure; always granted.</summary>
    public void Reserve(long bytes)
    {
        Interlocked.Add(ref _used, bytes);
        process?.Draw(bytes);
    }
}
