namespace Tunnel.Transport.EventThreads;

/// <summary>
/// Notices when an event thread is held up, which holds up every socket it waits for: asks each of them once a second
/// and tells how long the answer took. A thread that has not answered yet is not asked again.
/// </summary>
public sealed class EventThreadWatch : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly Action<TimeSpan> _onHeard;
    private readonly IReadOnlyList<IEventThread> _threads;
    private readonly int[] _isAsked;
    private readonly ITimer _timer;

    /// <param name="onHeard">Called on the event threads; must not block.</param>
    public EventThreadWatch(TimeProvider time, Action<TimeSpan> onHeard)
        : this(time, onHeard, EventThreadScheduler.Threads)
    {
    }

    internal EventThreadWatch(TimeProvider time, Action<TimeSpan> onHeard, IReadOnlyList<IEventThread> threads)
    {
        _time = time;
        _onHeard = onHeard;
        _threads = threads;
        _isAsked = new int[threads.Count];
        _timer = time.CreateTimer(static watch => ((EventThreadWatch)watch!).Ask(), this, Every, Every);
    }

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private void Ask()
    {
        for (int i = 0; i < _threads.Count; i++)
        {
            if (Interlocked.Exchange(ref _isAsked[i], 1) == 0)
            {
                Ask(i, _time.GetTimestamp());
            }
        }
    }

    private void Ask(int number, long since) => _threads[number].Ask(() =>
    {
        Volatile.Write(ref _isAsked[number], 0);
        _onHeard(_time.GetElapsedTime(since));
    });
}
