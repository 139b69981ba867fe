using System.Collections.Immutable;
using Tunnel.Agent.Local;

namespace Tunnel.Agent.Tunnels;

/// <summary>What became of a tunnel when the wanted ones were told anew.</summary>
public enum TunnelChange
{
    Added,
    Dropped,
    Updated,
}

/// <summary>
/// The tunnels that are wanted, by the agent's number for each. They change while sessions run, which then follow. Owns the
/// origins. Safe from any thread.
/// </summary>
internal sealed class TunnelTable(Func<TunnelOptions, OriginOptions, OriginServices> open, TimeProvider time)
    : ITunnels, IAsyncDisposable
{
    /// <summary>A dropped tunnel serves what was on its way to it.</summary>
    private static readonly TimeSpan LeaveTime = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _over = new();
    private readonly List<AgentTunnel> _leaving = [];
    private readonly List<Task> _closing = [];
    private TaskCompletionSource _changed = New();
    private volatile Snapshot _now = new([], []);
    private uint _lastId;

    /// <summary>The wanted ones.</summary>
    public ImmutableArray<AgentTunnel> Wanted => _now.Wanted;

    /// <summary>A name was granted before: the server knows this agent.</summary>
    public bool HasHeld => Wanted.Any(tunnel => tunnel.HeldName is not null);

    /// <summary>Connections to all origins, idle ones included.</summary>
    public int Connections => _now.Served.Sum(tunnel => tunnel.Origins.Sum(origin => origin.Pool.Count));

    /// <summary>Everything that may have a request, the leaving ones included.</summary>
    public ImmutableArray<AgentTunnel> Served => _now.Served;

    /// <summary>Completes when something has changed after this call. Look at <see cref="Wanted"/> after calling.</summary>
    public Task WhenChangedAsync()
    {
        lock (_lock)
        {
            return _changed.Task;
        }
    }

    /// <summary>The tunnel of this number; null: there is none.</summary>
    public AgentTunnel? Find(uint id)
    {
        foreach (AgentTunnel tunnel in _now.Served)
        {
            if (tunnel.Id == id)
            {
                return tunnel;
            }
        }

        return null;
    }

    IServedTunnel? ITunnels.Find(uint id) => Find(id);

    void ITunnels.EndTied(ConnectionTie tie)
    {
        foreach (OriginServices origin in _now.Served.SelectMany(tunnel => tunnel.Origins))
        {
            origin.Pool.Tied.End(tie);
        }
    }

    void ITunnels.EndTied(OriginPlayer session)
    {
        foreach (OriginServices origin in _now.Served.SelectMany(tunnel => tunnel.Origins))
        {
            origin.Pool.Tied.EndAll(session);
        }
    }

    /// <summary>Makes these the wanted ones. What is the same by name and public name goes on, with a new origin if that changed.</summary>
    /// <returns>What has changed, in the order in which it is told.</returns>
    /// <exception cref="ArgumentException">An origin's files cannot be read; nothing has changed then.</exception>
    public IReadOnlyList<(TunnelChange Change, TunnelOptions Tunnel)> Replace(IReadOnlyList<TunnelOptions> tunnels)
    {
        lock (_lock)
        {
            ImmutableArray<AgentTunnel> before = _now.Wanted;
            var wanted = ImmutableArray.CreateBuilder<AgentTunnel>();
            var changes = new List<(TunnelChange, TunnelOptions)>();
            try
            {
                foreach (TunnelOptions options in tunnels)
                {
                    AgentTunnel? old = before.FirstOrDefault(tunnel => tunnel.Options.Name == options.Name);
                    if (old is not null && TunnelComparison.AreEqual(old.Options, options))
                    {
                        wanted.Add(old);
                        continue;
                    }

                    wanted.Add(Open(options, old));
                    changes.Add((old is null ? TunnelChange.Added : TunnelChange.Updated, options));
                }
            }
            catch
            {
                _closing.AddRange(wanted.Except(before).Select(tunnel => CloseAsync(tunnel)));
                throw;
            }

            changes.InsertRange(0, before.Where(tunnel => !tunnels.Any(options => options.Name == tunnel.Options.Name)).Select(tunnel => (TunnelChange.Dropped, tunnel.Options)));
            AgentTunnel[] leaving = [.. before.Where(tunnel => !wanted.Contains(tunnel))];
            _leaving.AddRange(leaving);
            _closing.RemoveAll(closing => closing.IsCompleted);
            _closing.AddRange(leaving.Select(LetGoAsync));
            Publish(wanted.ToImmutable());
            return changes;
        }
    }

    /// <summary>A tunnel has got its name: other sessions can ask for it too.</summary>
    public void Named(AgentTunnel tunnel, string name)
    {
        lock (_lock)
        {
            if (tunnel.HeldName != name)
            {
                tunnel.HeldName = name;
                Tell();
            }
        }
    }

    /// <summary>Closes all origins; exchanges must have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        Task[] closing;
        lock (_lock)
        {
            closing = [.. _closing, .. _now.Wanted.Select(CloseAsync)];
            _now = new Snapshot([], []);
        }

        await Task.WhenAll(closing);
        _over.Dispose();
    }

    private AgentTunnel Open(TunnelOptions options, AgentTunnel? old)
    {
        bool isSame = old is not null && TunnelComparison.HaveSamePublicName(old.Options, options);
        var paths = ImmutableArray.CreateBuilder<(string, OriginServices)>();
        try
        {
            paths.AddRange(options.Paths.OrderByDescending(path => path.Prefix.Length).Select(path => (path.Prefix, open(options, path.Origin))));
            return new AgentTunnel(isSame ? old!.Id : ++_lastId, options, open(options, options.Origin), paths.ToImmutable())
            {
                HeldName = isSame ? old!.HeldName : null,
                Status = isSame ? old!.Status : new TunnelStatus(TunnelState.Waiting),
            };
        }
        catch
        {
            foreach ((_, OriginServices origin) in paths)
            {
                _closing.Add(origin.Pool.DisposeAsync().AsTask());
            }

            throw;
        }
    }

    private async Task LetGoAsync(AgentTunnel tunnel)
    {
        await Task.Delay(LeaveTime, time, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
        {
            _leaving.Remove(tunnel);
            Publish(_now.Wanted);
        }

        await CloseAsync(tunnel);
    }

    private static async Task CloseAsync(AgentTunnel tunnel)
    {
        foreach (OriginServices origin in tunnel.Origins)
        {
            await origin.Pool.DisposeAsync();
        }
    }

    // The lock is held. A number that is used again finds its new tunnel first.
    private void Publish(ImmutableArray<AgentTunnel> wanted)
    {
        _now = new Snapshot(wanted, [.. wanted, .. _leaving]);
        Tell();
    }

    private void Tell()
    {
        TaskCompletionSource changed = _changed;
        _changed = New();
        changed.SetResult();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Snapshot(ImmutableArray<AgentTunnel> Wanted, ImmutableArray<AgentTunnel> Served);
}
