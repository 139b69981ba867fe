using System.Net.NetworkInformation;

namespace Tunnel.Agent.Connection;

/// <summary>
/// Notices what makes a link doubtful before its heartbeat does: an address of this machine came or went, or the machine
/// has slept (the wall clock is ahead of where it should be).
/// </summary>
internal sealed class NetworkWatch : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    /// <summary>A timer is late by less than this on a machine that is merely busy.</summary>
    private static readonly TimeSpan Slept = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly Action _onDoubt;
    private readonly ITimer _timer;
    private DateTimeOffset _last;

    /// <param name="onDoubt">Called from any thread; must not block.</param>
    public NetworkWatch(TimeProvider time, Action onDoubt)
    {
        _time = time;
        _onDoubt = onDoubt;
        _last = time.GetUtcNow();
        _timer = time.CreateTimer(static state => ((NetworkWatch)state!).OnTick(), this, Every, Every);
        NetworkChange.NetworkAddressChanged += OnAddressChanged;
    }

    public ValueTask DisposeAsync()
    {
        NetworkChange.NetworkAddressChanged -= OnAddressChanged;
        return _timer.DisposeAsync();
    }

    private void OnAddressChanged(object? sender, EventArgs e) => _onDoubt();

    private void OnTick()
    {
        DateTimeOffset now = _time.GetUtcNow();
        bool hasSlept = now - _last > Every + Slept;
        _last = now;
        if (hasSlept)
        {
            _onDoubt();
        }
    }
}
