namespace Tunnel.Transport;

/// <summary>Something that a deadline can end.</summary>
public interface IDeadlineTarget
{
    /// <summary>The deadline has passed. Runs on the clock's thread: must not block or throw.</summary>
    public void OnDeadline();
}

/// <summary>
/// One limit in time for one owner, checked once a second by a <see cref="DeadlineClock"/>: setting and clearing it costs
/// next to nothing, so it can guard every wait of every connection. Safe from any thread.
/// </summary>
/// <remarks>
/// Once <see cref="Set"/> or <see cref="Clear"/> has returned, what was set before does not pass any more: a callback
/// that came late would end what its owner has begun since.
/// </remarks>
public sealed class Deadline
{
    private const long Never = long.MaxValue;

    private readonly DeadlineClock _clock;
    private readonly IDeadlineTarget _target;
    private long _due = Never;

    internal Deadline(DeadlineClock clock, IDeadlineTarget target)
    {
        _clock = clock;
        _target = target;
    }

    // Its place in the clock's list, guarded by the clock: one list, without an object of its own for each entry.
    internal Deadline? Next { get; set; }

    internal Deadline? Previous { get; set; }

    internal bool IsWatched { get; set; }

    /// <summary>Passes after this time, give or take the second of the clock; replaces what was set.</summary>
    public void Set(TimeSpan after) => Replace(_clock.Now + after.Ticks);

    /// <summary>Does not pass.</summary>
    public void Clear() => Replace(Never);

    /// <summary>Passes if it is due. On the clock's thread, which says before whose turn it is.</summary>
    internal void Check(long now)
    {
        long due = Volatile.Read(ref _due);
        if (due <= now && Interlocked.CompareExchange(ref _due, Never, due) == due)
        {
            _target.OnDeadline();
        }
    }

    /// <summary>A glance: nearly always it is not.</summary>
    internal bool IsDue(long now) => Volatile.Read(ref _due) <= now;

    private void Replace(long due)
    {
        // If the clock has taken what was here before, it had said so before that; and what it called may have set it anew.
        do
        {
            Interlocked.Exchange(ref _due, due);
        }
        while (_clock.HasWaitedFor(this));
    }
}

/// <summary>
/// Drives all deadlines of a program with one timer that ticks once a second, and only while there are any.
/// </summary>
public sealed class DeadlineClock : IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private readonly Lock _checking = new();
    private readonly List<Deadline> _checked = [];
    private Deadline? _passing;
    private Deadline? _first;
    private int _count;

    public DeadlineClock(TimeProvider time)
    {
        _time = time;
        _start = time.GetTimestamp();
        _timer = time.CreateTimer(
            static state => ((DeadlineClock)state!).OnTick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Deadlines that are watched, set or not.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    /// <summary>The time since the clock was made.</summary>
    internal TimeSpan Elapsed => _time.GetElapsedTime(_start);

    internal long Now => Elapsed.Ticks;

    /// <summary>A deadline for this owner, not set yet. <see cref="Remove"/> it when the owner ends.</summary>
    public Deadline Add(IDeadlineTarget target)
    {
        var deadline = new Deadline(this, target);
        lock (_lock)
        {
            deadline.IsWatched = true;
            deadline.Next = _first;
            _first?.Previous = deadline;
            _first = deadline;
            if (++_count == 1)
            {
                _timer.Change(Tick, Tick);
            }
        }

        return deadline;
    }

    /// <summary>The deadline is no longer watched; without effect when it was removed before.</summary>
    public void Remove(Deadline deadline)
    {
        lock (_lock)
        {
            if (!deadline.IsWatched)
            {
                return;
            }

            deadline.IsWatched = false;
            deadline.Next?.Previous = deadline.Previous;
            if (deadline.Previous is { } previous)
            {
                previous.Next = deadline.Next;
            }
            else
            {
                _first = deadline.Next;
            }

            deadline.Next = null;
            deadline.Previous = null;
            if (--_count == 0)
            {
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>
    /// Returns when this deadline does not pass at the moment; at once for what it calls when it does. Whether it had to wait.
    /// </summary>
    internal bool HasWaitedFor(Deadline deadline)
    {
        if (Volatile.Read(ref _passing) != deadline || _checking.IsHeldByCurrentThread)
        {
            return false;
        }

        // No lock: whoever waits may hold one of its own, and the clock may go on to a deadline whose owner wants that.
        SpinWait wait = default;
        while (Volatile.Read(ref _passing) == deadline)
        {
            wait.SpinOnce();
        }

        return true;
    }

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private void OnTick()
    {
        // Two ticks may overlap when a check takes long; the second one then has nothing to add.
        if (!_checking.TryEnter())
        {
            return;
        }

        try
        {
            // Targets run without the other lock: they may remove themselves or set other deadlines.
            lock (_lock)
            {
                for (Deadline? deadline = _first; deadline is not null; deadline = deadline.Next)
                {
                    _checked.Add(deadline);
                }
            }

            long now = Now;
            foreach (Deadline deadline in _checked)
            {
                if (deadline.IsDue(now))
                {
                    Pass(deadline, now);
                }
            }
        }
        finally
        {
            _checked.Clear();
            _checking.Exit();
        }
    }

    // A full fence between the name and the look; Deadline.Replace has one between the store and HasWaitedFor. So either the look finds
    // what was stored, or whoever stored it finds the name and waits.
    private void Pass(Deadline deadline, long now)
    {
        Interlocked.Exchange(ref _passing, deadline);
        deadline.Check(now);
        Volatile.Write(ref _passing, null);
    }
}
