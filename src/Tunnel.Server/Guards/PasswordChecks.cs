using System.Net;
using Tunnel.Server.Identity;
using Tunnel.Transport;

namespace Tunnel.Server.Guards;

/// <summary>
/// Checks passwords for all tunnels of the server: slow on purpose, so few at a time, away from the threads that carry
/// traffic, each guard in its turn, and only so many per address, this machine's own included. Safe from any thread.
/// </summary>
internal sealed class PasswordChecks(TimeProvider time)
{
    private readonly FairTurns _turns = new(Math.Max(1, Environment.ProcessorCount / 2));
    private readonly AddressThrottle _throttle = new(time, isLoopbackFree: false);
    private readonly AddressCounter _underWay = new();

    /// <summary>Whether the password has this hash. Null: ask again later, there was no turn or the address has tried too often.</summary>
    /// <param name="share">The guard's.</param>
    /// <param name="hash">bcrypt; null: there is no such user, and finding out takes as long.</param>
    /// <param name="price">What every check at this guard costs (<see cref="PasswordWork.PriceOf"/>).</param>
    public async ValueTask<bool?> CheckAsync(IPAddress visitor, FairTurns.Share share, string password, string? hash, int price)
    {
        // What is under way counts as well, or an address would have a hundred guesses before the first one is found wrong,
        // and all the turns there are.
        if (!_underWay.TryAdd(visitor, _throttle.TriesOf(visitor)))
        {
            return null;
        }

        try
        {
            if (!await _turns.TakeAsync(share))
            {
                return null;
            }

            bool isRight = await WorkAsync(password, hash, price);
            if (!isRight)
            {
                _throttle.Failed(visitor);
            }

            return isRight;
        }
        finally
        {
            _underWay.Remove(visitor);
        }
    }

    private async Task<bool> WorkAsync(string password, string? hash, int price)
    {
        try
        {
            return await Task.Run(() => PasswordWork.IsRight(password, hash, price));
        }
        finally
        {
            _turns.Release();
        }
    }
}
