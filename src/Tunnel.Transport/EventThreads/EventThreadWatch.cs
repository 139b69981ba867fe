namespace Tunnel.Transport.EventThreads;

/// <summary>
/// Notices when the thread of an event loop is held up, which holds up every socket it waits for: asks each of them once a second
/// and tells how long the answer took. A thread that has not answered yet is not asked again. Without loops of ours there is
/// nothing to ask.
/// </summary>
public sealed class EventThreadWatch : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly Action<TimeSpan> _onHeard;
    private readonly IReadOnlyList<EventLoop> _loops;
    private readonly int[] _isAsked;
    private readonly ITimer _timer;

    /// <param name="onHeard">Called on the event threads; must not block.</param>
    public EventThreadWatch(TimeProvider time, Action<TimeSpan> onHeard)
        : this(time, onHeard, EventLoop.All)
    {
    }

    internal EventThreadWatch(TimeProvider time, Action<TimeSpan> onHeard, IReadOnlyList<EventLoop> loops)
    {
        _time = time;
        _onHeard = onHeard;
        _loops = loops;
        _isAsked = new int[loops.Count];
        _timer = time.CreateTimer(static watch => ((EventThreadWatch)watch!).Ask(), this, Every, Every);
    }

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private void Ask()
    {
        for (int i = 0; i < _loops.Count; i++)
        {
            if (Interlocked.Exchange(ref _isAsked[i], 1) == 0)
            {
                Ask(i, _time.GetTimestamp());
            }
        }
    }

    private void Ask(int number, long since) => _loops[number].Ask(() =>
    {
        Volatile.Write(ref _isAsked[number], 0);
        _onHeard(_time.GetElapsedTime(since));
    });
}
