using System.Net;
using Tunnel.Server.Edge;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Guards;

/// <summary>
/// Checks passwords for all tunnels of the server: slow on purpose, so few at a time, away from the threads that carry
/// traffic, and only so many per address. Safe from any thread.
/// </summary>
internal sealed class PasswordChecks(TimeProvider time) : IDisposable
{
    /// <summary>Checks that wait for their turn; more are refused.</summary>
    internal const int MostWaiting = 64;

    private static readonly int AtOnce = Math.Max(1, Environment.ProcessorCount / 2);

    private readonly SemaphoreSlim _turns = new(AtOnce);
    private readonly AddressThrottle _throttle = new(time);
    private readonly AddressCounter _underWay = new();
    private int _waiting;

    /// <summary>Whether the password has this hash. Null: ask again later, there was no turn or the address has tried too often.</summary>
    /// <param name="hash">bcrypt; null: there is no such user, and finding out takes as long.</param>
    /// <param name="stranger">The hash an unknown user is measured against.</param>
    public async ValueTask<bool?> CheckAsync(IPAddress visitor, string password, string? hash, string stranger)
    {
        // What is under way counts as well, or an address would have a hundred guesses before the first one is found wrong,
        // and all the turns there are.
        if (!_underWay.TryAdd(visitor, _throttle.TriesOf(visitor)))
        {
            return null;
        }

        try
        {
            return await TakeTurnAsync(visitor, password, hash, stranger);
        }
        finally
        {
            _underWay.Remove(visitor);
        }
    }

    public void Dispose() => _turns.Dispose();

    private async ValueTask<bool?> TakeTurnAsync(IPAddress visitor, string password, string? hash, string stranger)
    {
        if (Interlocked.Increment(ref _waiting) > MostWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            return null;
        }

        bool isRight;
        await _turns.WaitAsync();
        try
        {
            isRight = await Task.Run(() => BCrypt.Net.BCrypt.Verify(password, hash ?? stranger)) && hash is not null;
        }
        finally
        {
            _turns.Release();
            Interlocked.Decrement(ref _waiting);
        }

        if (!isRight)
        {
            _throttle.Failed(visitor);
        }

        return isRight;
    }
}
