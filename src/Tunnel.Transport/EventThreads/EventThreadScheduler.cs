using System.IO.Pipelines;

namespace Tunnel.Transport.EventThreads;

/// <summary>
/// Puts work off until the event thread that asks has handled what it has at hand, and runs it on that same thread: what
/// many sockets have to say meanwhile gathers, and no other thread is woken (docs/performance.md). Who asks from another
/// thread gets one of the pool.
/// </summary>
/// <remarks>Work put off must not block, as nothing may on an event thread.</remarks>
public sealed class EventThreadScheduler : PipeScheduler
{
    [ThreadStatic]
    private static IEventThread? _ofThisThread;

    private readonly IReadOnlyList<IEventThread> _threads;

    private EventThreadScheduler()
    {
        _threads = EventLoop.All.Count > 0 ? EventLoop.All : HangBells();
    }

    /// <summary>
    /// The one of this process, made when it is first asked for; that of the thread pool where completions do not run on
    /// event threads.
    /// </summary>
    public static PipeScheduler Shared { get; } = InlineCompletions.AreOn ? new EventThreadScheduler() : ThreadPool;

    /// <summary>One for each event thread; none where there are no such threads.</summary>
    internal static IReadOnlyList<IEventThread> Threads => Shared is EventThreadScheduler scheduler ? scheduler._threads : [];

    public override void Schedule(Action<object?> action, object? state)
    {
        IEventThread? thread = EventLoop.OfThisThread ?? _ofThisThread;
        if (thread is null || !thread.TryPutOff(action, state))
        {
            System.Threading.ThreadPool.UnsafeQueueUserWorkItem(action, state, preferLocal: false);
        }
    }

    private static List<EventThreadBell> HangBells()
    {
        // The runtime deals sockets out to its event threads in turn, so as many bells as threads make one for each. A
        // thread that gets none falls back to the pool.
        var bells = new List<EventThreadBell>();
        for (int i = 0; i < Environment.ProcessorCount; i++)
        {
            if (EventThreadBell.Hang(bell => _ofThisThread = bell) is { } made)
            {
                bells.Add(made);
            }
        }

        return bells;
    }
}
