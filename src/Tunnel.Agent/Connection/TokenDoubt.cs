namespace Tunnel.Agent.Connection;

/// <summary>
/// What becomes of an agent whose token worked and is now unknown or expired: a backup may have been restored on the server, or a
/// clock be wrong, and somebody may mend that. So it shows the token again, but so seldom that it is not mistaken for
/// somebody who guesses, whatever reason there is to hurry: all sessions of an agent together show it six times in ten minutes.
/// Safe from any thread.
/// </summary>
internal sealed class TokenDoubt(TimeProvider time)
{
    /// <summary>
    /// Between the refusals. The first three are within one minute, which is one line in the server's log, and the whole is four:
    /// ban tools commonly take five in ten minutes.
    /// </summary>
    private static readonly TimeSpan[] Waits =
        [TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(140), TimeSpan.FromSeconds(180), TimeSpan.FromSeconds(240)];

    /// <summary>Whoever shows the token in a time of doubt keeps the others from it for so long; it has its answer by then.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(20);

    /// <summary>A refusal so soon after another is the answer to a token that was shown before there was any doubt.</summary>
    private static readonly TimeSpan SameTry = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly long _start = time.GetTimestamp();
    private bool _hasWorked;
    private int _refusals;
    private TimeSpan _refusedAt;
    private TimeSpan _next;

    private TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>Returns when the token may be shown. Without a doubt that is at once.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task WaitAsync(CancellationToken cancel)
    {
        while (TakeTurn() is { } wait)
        {
            await Task.Delay(wait, time, cancel);
        }
    }

    /// <summary>The server took the token.</summary>
    public void Accepted()
    {
        lock (_lock)
        {
            _hasWorked = true;
            _refusals = 0;
            _next = TimeSpan.Zero;
        }
    }

    /// <summary>The server does not take the token. After so long it may be shown again; null: not any more.</summary>
    public TimeSpan? Refused()
    {
        lock (_lock)
        {
            TimeSpan now = Now;
            if (!_hasWorked)
            {
                return null;
            }

            if (_refusals > 0 && now - _refusedAt < SameTry)
            {
                return _next - now;
            }

            if (_refusals == Waits.Length)
            {
                return null;
            }

            _refusedAt = now;
            _next = now + Waits[_refusals];
            _refusals++;
            return _next - now;
        }
    }

    // Null: the caller has it.
    private TimeSpan? TakeTurn()
    {
        lock (_lock)
        {
            TimeSpan now = Now;
            if (_refusals == 0)
            {
                return null;
            }

            if (now < _next)
            {
                return _next - now;
            }

            _next = now + Turn;
            return null;
        }
    }
}
