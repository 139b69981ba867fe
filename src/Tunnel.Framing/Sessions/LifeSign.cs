namespace Tunnel.Framing.Sessions;

/// <summary>Waits for the next byte of the peer, whatever it says. One load for a reader loop that nobody waits for.</summary>
internal sealed class LifeSign(TimeProvider time)
{
    private TaskCompletionSource<bool>? _next;

    /// <summary>The reader loop got something.</summary>
    public void OnBytes()
    {
        if (Volatile.Read(ref _next) is not null)
        {
            Interlocked.Exchange(ref _next, null)?.TrySetResult(true);
        }
    }

    /// <summary>The link is gone: no byte can come over it.</summary>
    public void OnGone() => Interlocked.Exchange(ref _next, null)?.TrySetResult(false);

    /// <summary>True with the next byte, false when none can come any more; everybody who waits gets the same one.</summary>
    public Task<bool> NextAsync()
    {
        var mine = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        return (Interlocked.CompareExchange(ref _next, mine, null) ?? mine).Task;
    }

    /// <summary>Whether a byte comes within this time, rather than the end of the link or of <paramref name="over"/>.</summary>
    public async Task<bool> WaitAsync(Task<bool> next, Task over, TimeSpan within, CancellationToken cancel)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task late = Task.Delay(within, time, linked.Token);
        Task first = await Task.WhenAny(next, over, late);
        await linked.CancelAsync();
        cancel.ThrowIfCancellationRequested();
        return first == next && await next;
    }
}
