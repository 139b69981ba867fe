using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// Wakes one waiter; a signal set while nobody waits is kept, several are one. The waiter goes on in a scheduling
/// step of its own, so that whoever sets the signal first finishes what it does: that is what lets frames gather. Or at
/// once, where nothing is to be gathered.
/// </summary>
/// <param name="scheduler">Where the waiter goes on.</param>
internal sealed class AsyncSignal(PipeScheduler scheduler) : IValueTaskSource
{
    private const int Idle = 0;
    private const int Waiting = 1;
    private const int IsSet = 2;

    private ManualResetValueTaskSourceCore<bool> _core;
    private int _state;

    public void Set()
    {
        if (Interlocked.Exchange(ref _state, IsSet) == Waiting)
        {
            scheduler.Schedule(static signal => ((AsyncSignal)signal!)._core.SetResult(true), this);
        }
    }

    /// <summary>As <see cref="Set"/>, and the waiter goes on before this returns. No lock may be held.</summary>
    public void SetAndRun()
    {
        if (Interlocked.Exchange(ref _state, IsSet) == Waiting)
        {
            _core.SetResult(true);
        }
    }

    /// <summary>Completes when the signal is set, and takes it. One waiter at a time.</summary>
    public ValueTask WaitAsync()
    {
        _core.Reset();
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == IsSet)
        {
            Volatile.Write(ref _state, Idle);
            return ValueTask.CompletedTask;
        }

        return new ValueTask(this, _core.Version);
    }

    void IValueTaskSource.GetResult(short token)
    {
        _core.GetResult(token);
        Interlocked.CompareExchange(ref _state, Idle, IsSet);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
