using Microsoft.Extensions.Logging;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Identity;

/// <summary>
/// Keeps a running server true to its tokens: once a second takes in what changed, ends the sessions that may not go on,
/// and saves what came to be true of their names. Owns its loop; <see cref="StopAsync"/> waits for it.
/// </summary>
/// <param name="endWhoMayNotGoOn">Called when tokens have changed or one has expired.</param>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "StopAsync is the end of it.")]
internal sealed class TokenWatch(TokenStore tokens, Action endWhoMayNotGoOn, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;
    private string? _lastFault;
    private DateTimeOffset _lastLook;
    private long _seen = tokens.Changes;

    public void Start() => _loop = RunAsync();

    /// <summary>The last notes are saved before it returns.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        await SaveNotesAsync(CancellationToken.None);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                tokens.Refresh(log);
                if (HasChanged() | HasExpiry())
                {
                    endWhoMayNotGoOn();
                }

                await SaveNotesAsync(_stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped as asked.
        }
    }

    private bool HasChanged()
    {
        long before = _seen;
        _seen = tokens.Changes;
        if (_seen == before)
        {
            return false;
        }

        ServerLog.TokensChanged(log, tokens.Current.Count);
        return true;
    }

    private bool HasExpiry()
    {
        DateTimeOffset since = _lastLook;
        DateTimeOffset now = _lastLook = time.GetUtcNow();
        return tokens.Current.All.Any(token => token.Expires > since && token.Expires <= now);
    }

    private async Task SaveNotesAsync(CancellationToken cancel)
    {
        try
        {
            await tokens.SaveNotesAsync(cancel);
            _lastFault = null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Tried again every second, said once.
            if (error.Message != _lastFault)
            {
                _lastFault = error.Message;
                ServerLog.NotesUnsaved(log, error.Message);
            }
        }
    }
}
