namespace Tunnel.Server.Guards;

/// <summary>
/// A few turns for work that takes long, given out so that nobody's work waits for the whole row of somebody else: the next turn goes
/// to the tenant that has waited longest since its last one, and within it to the guard of which that is true. Safe from any thread.
/// </summary>
/// <param name="atOnce">Turns there are.</param>
internal sealed class FairTurns(int atOnce)
{
    /// <summary>Waiting at one guard; more are refused.</summary>
    internal const int MostOfOne = 32;

    /// <summary>Waiting in all. Beyond it the guard with the longest row loses its newest.</summary>
    internal const int Most = 1024;

    private const int MostTenants = 4096;

    private readonly Lock _lock = new();
    private readonly List<Share> _waiting = [];
    private readonly Dictionary<string, long> _lastOfTenant = new(StringComparer.Ordinal);
    private int _free = atOnce;
    private int _count;
    private long _given;

    /// <summary>Waits for a turn. False: there is none for it now. A turn that was had is given back with <see cref="Release"/>.</summary>
    public Task<bool> TakeAsync(Share share)
    {
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
                Given(share);
                return Task.FromResult(true);
            }

            if (share.Waiting.Count >= MostOfOne || (_count >= Most && !TryOust(share)))
            {
                return Task.FromResult(false);
            }

            if (share.Waiting.Count == 0)
            {
                _waiting.Add(share);
            }

            var turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            share.Waiting.AddLast(turn);
            _count++;
            return turn.Task;
        }
    }

    public void Release()
    {
        lock (_lock)
        {
            if (_waiting.MinBy(share => (_lastOfTenant.GetValueOrDefault(share.Tenant), share.Last)) is not { } next)
            {
                _free++;
                return;
            }

            TaskCompletionSource<bool> turn = next.Waiting.First!.Value;
            next.Waiting.RemoveFirst();
            Left(next);
            Given(next);
            turn.SetResult(true);
        }
    }

    private void Given(Share share)
    {
        if (_lastOfTenant.Count >= MostTenants)
        {
            // All are equal again for a moment.
            _lastOfTenant.Clear();
        }

        _lastOfTenant[share.Tenant] = share.Last = ++_given;
    }

    private bool TryOust(Share asking)
    {
        Share longest = _waiting.MaxBy(share => share.Waiting.Count)!;
        if (longest.Waiting.Count <= asking.Waiting.Count + 1)
        {
            return false;
        }

        TaskCompletionSource<bool> newest = longest.Waiting.Last!.Value;
        longest.Waiting.RemoveLast();
        Left(longest);
        newest.SetResult(false);
        return true;
    }

    private void Left(Share share)
    {
        _count--;
        if (share.Waiting.Count == 0)
        {
            _waiting.Remove(share);
        }
    }

    /// <summary>What one guard has of the turns. Guarded by their lock.</summary>
    /// <param name="tenant">Whose guard it is.</param>
    internal sealed class Share(string tenant)
    {
        public string Tenant { get; } = tenant;

        public LinkedList<TaskCompletionSource<bool>> Waiting { get; } = new();

        /// <summary>Its last turn; they are counted.</summary>
        public long Last { get; set; }
    }
}
