namespace Tunnel.Agent.Connection;

/// <summary>A wait that ends early when there is a reason to look again. Belongs to one loop; poking is safe from any thread.</summary>
internal sealed class Patience(TimeProvider time)
{
    private volatile TaskCompletionSource _poke = NewPoke();

    /// <summary>Completes with the next poke.</summary>
    public Task Poked => _poke.Task;

    /// <summary>Something has changed: whoever waits looks again at once.</summary>
    public void Poke() => _poke.TrySetResult();

    /// <summary>Pokes until now are answered.</summary>
    public void Rest()
    {
        if (_poke.Task.IsCompleted)
        {
            _poke = NewPoke();
        }
    }

    /// <summary>Returns after this time or with a poke.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task WaitAsync(TimeSpan delay, CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await Task.WhenAny(Task.Delay(delay, time, over.Token), Poked);
        await over.CancelAsync();
        cancel.ThrowIfCancellationRequested();
        Rest();
    }

    private static TaskCompletionSource NewPoke() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
