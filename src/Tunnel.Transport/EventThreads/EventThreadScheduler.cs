using System.IO.Pipelines;

namespace Tunnel.Transport.EventThreads;

/// <summary>
/// Puts work off until the event loop that asks has handled what it has at hand, and runs it on that same thread: what many
/// sockets have to say meanwhile gathers, and no other thread is woken (docs/performance.md). Who asks from another thread gets
/// one of the pool.
/// </summary>
/// <remarks>Work put off must not block, as nothing may on an event thread.</remarks>
public sealed class EventThreadScheduler : PipeScheduler
{
    private EventThreadScheduler()
    {
    }

    /// <summary>The one of this process; that of the thread pool where there are no event loops of ours.</summary>
    public static PipeScheduler Shared { get; } = EventLoop.All.Count > 0 ? new EventThreadScheduler() : ThreadPool;

    public override void Schedule(Action<object?> action, object? state)
    {
        if (EventLoop.OfThisThread is { } loop)
        {
            loop.PutOff(action, state);
        }
        else
        {
            System.Threading.ThreadPool.UnsafeQueueUserWorkItem(action, state, preferLocal: false);
        }
    }
}
