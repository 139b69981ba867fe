namespace Tunnel.Hosting;

/// <summary>
/// One orderly stop for all who ask for it: the first one begins it, everybody waits for the same end, and anybody may
/// hurry it. Safe from any thread.
/// </summary>
public sealed class OneStop : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _hurry = new();
    private Task? _stopped;
    private bool _isOver;

    /// <summary>Cancelled when the grace is to end at once. Valid until the stop is over.</summary>
    public CancellationToken Hurry => _hurry.Token;

    /// <summary>Stops, or waits for the stop that is under way.</summary>
    /// <param name="stop">Run once; is told whether there is a hurry from the start.</param>
    /// <param name="hurry">Ends the grace, also of a stop that somebody else began.</param>
    public async Task RunAsync(Func<bool, Task> stop, CancellationToken hurry)
    {
        Task stopped;
        lock (_lock)
        {
            stopped = _stopped ??= StopAsync(stop, hurry.IsCancellationRequested);
        }

        await using (hurry.UnsafeRegister(static state => ((OneStop)state!).HurryUp(), this))
        {
            await stopped;
        }
    }

    public void Dispose() => _hurry.Dispose();

    private async Task StopAsync(Func<bool, Task> stop, bool isHurried)
    {
        // The caller holds the lock.
        await Task.Yield();
        try
        {
            await stop(isHurried);
        }
        finally
        {
            lock (_lock)
            {
                _isOver = true;
            }

            Dispose();
        }
    }

    private void HurryUp()
    {
        lock (_lock)
        {
            if (!_isOver)
            {
                _ = _hurry.CancelAsync();
            }
        }
    }
}
