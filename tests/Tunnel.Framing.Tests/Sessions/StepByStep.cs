using System.IO.Pipelines;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>Runs what it is given when the test says so.</summary>
internal sealed class StepByStep : PipeScheduler
{
    private readonly Queue<(Action<object?> Action, object? State)> _steps = new();
    private bool _isFree;

    public override void Schedule(Action<object?> action, object? state)
    {
        lock (_steps)
        {
            if (!_isFree)
            {
                _steps.Enqueue((action, state));
                return;
            }
        }

        ThreadPool.Schedule(action, state);
    }

    /// <summary>From now on everything runs by itself.</summary>
    public void LetGo()
    {
        lock (_steps)
        {
            _isFree = true;
        }

        RunAll();
    }

    /// <summary>Returns how many there were, those included that came meanwhile.</summary>
    public int RunAll()
    {
        int count = 0;
        while (Take() is { } step)
        {
            step.Action(step.State);
            count++;
        }

        return count;
    }

    private (Action<object?> Action, object? State)? Take()
    {
        lock (_steps)
        {
            return _steps.TryDequeue(out (Action<object?>, object?) step) ? step : null;
        }
    }
}
