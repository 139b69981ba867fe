namespace Tunnel.TestSupport;

/// <summary>A count that can be waited for: how tests learn that something happened so many times.</summary>
public sealed class Tally
{
    private readonly Lock _gate = new();
    private readonly List<(int Wanted, TaskCompletionSource Reached)> _waiting = [];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public void Add(int by = 1)
    {
        var reached = new List<TaskCompletionSource>();
        lock (_gate)
        {
            _count += by;
            reached.AddRange(_waiting.Where(waiter => waiter.Wanted <= _count).Select(waiter => waiter.Reached));
            _waiting.RemoveAll(waiter => waiter.Wanted <= _count);
        }

        foreach (var waiter in reached)
        {
            waiter.TrySetResult();
        }
    }

    /// <summary>Completes when the count is at least this; fails when that takes as long as a hung test.</summary>
    public Task WhenAsync(int atLeast)
    {
        lock (_gate)
        {
            if (_count >= atLeast)
            {
                return Task.CompletedTask;
            }

            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((atLeast, reached));
            return reached.Task.Within(what: $"a count of {atLeast}");
        }
    }
}
