using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Flow;

/// <summary>
/// What one process may hold for all its peers together, and who may still have some of it (docs/architecture.md, "Memory").
/// Sessions draw their windows here; what waits anywhere else is not drawn but looked up. Safe from any thread, takes no
/// lock. Bytes.
/// </summary>
/// <param name="limit">Never exceeded by what is promised; what was promised and has not come yet counts.</param>
/// <param name="heldElsewhere">Bytes held now beside what windows hold; asked often, so it is to be cheap. Null: nothing.</param>
public sealed class ProcessMemory(long limit, Func<long>? heldElsewhere = null)
{
    /// <summary>What a stream's connection holds here beside the window: counts from the stream's first moment on.</summary>
    public const int ConnectionReserve = 32 * 1024;

    /// <summary>What it holds in the system, where nobody looks it up; a container's limit counts that too.</summary>
    public const int SystemReserve = 32 * 1024;

    /// <summary>A visitor's address with fewer streams than this holds little: the last third is kept for those.</summary>
    private const int FewStreams = 8;

    private const int Slots = 1024;
    private const int LookEvery = 16;

    private readonly long _easy = limit / 8;

    // Streams by the hash of their visitor's address. Two addresses may share a count, which makes both look a little larger.
    private readonly int[] _streamsOf = new int[Slots];
    private long _windows;
    private int _streams;
    private long _heldElsewhere;
    private int _looks;

    /// <summary>Held and promised now.</summary>
    public long Used => Sum(Look());

    /// <summary>Little is used: windows may start large, and sockets may be given room.</summary>
    public bool IsEasy => Estimate() < limit / 4;

    /// <summary>More than half is used: windows do not grow, and large ones give back.</summary>
    public bool IsTight => Estimate() > limit / 2;

    /// <summary>Draws for a window that grows; false, and nothing drawn, when half is used.</summary>
    public bool TryDraw(long bytes)
    {
        if (Estimate() + bytes > limit / 2)
        {
            return false;
        }

        Draw(bytes);
        return true;
    }

    /// <summary>Draws what a window has for sure; always granted, because <see cref="HasRoomFor"/> was asked before.</summary>
    public void Draw(long bytes) => Interlocked.Add(ref _windows, bytes);

    /// <summary>Gives back what was drawn.</summary>
    public void Return(long bytes) => Interlocked.Add(ref _windows, -bytes);

    /// <summary>
    /// Whether a stream for this visitor may be opened. Two thirds are for whoever comes first, the rest for visitors that
    /// hold little: who holds most cannot shut the others out.
    /// </summary>
    public bool HasRoomFor(in VisitorAddress visitor)
    {
        long used = Estimate();
        return used < limit / 3 * 2 || (used < limit && Volatile.Read(ref SlotOf(visitor)) < FewStreams);
    }

    /// <summary>A stream for this visitor begins.</summary>
    public void Opened(in VisitorAddress visitor)
    {
        Interlocked.Increment(ref _streams);
        Interlocked.Increment(ref SlotOf(visitor));
    }

    /// <summary>It has ended, and so has what its user held for it.</summary>
    public void Closed(in VisitorAddress visitor)
    {
        Interlocked.Decrement(ref _streams);
        Interlocked.Decrement(ref SlotOf(visitor));
    }

    // As long as little is used, what is held elsewhere is looked up only now and then: every request comes this way.
    private long Estimate()
    {
        long used = Sum(Volatile.Read(ref _heldElsewhere));
        return used < _easy && ++_looks % LookEvery != 0 ? used : Sum(Look());
    }

    private long Look()
    {
        long held = heldElsewhere?.Invoke() ?? 0;
        Volatile.Write(ref _heldElsewhere, held);
        return held;
    }

    private long Sum(long held)
    {
        long streams = Volatile.Read(ref _streams);
        return Volatile.Read(ref _windows) + (streams * SystemReserve) + Math.Max(streams * ConnectionReserve, held);
    }

    // Whoever has one IPv6 address has at least 2^64 of them.
    private ref int SlotOf(in VisitorAddress visitor)
    {
        int hash = HashCode.Combine(visitor.Family, visitor.Family == 6 ? visitor.Bits >> 64 : visitor.Bits);
        return ref _streamsOf[hash & (Slots - 1)];
    }
}
