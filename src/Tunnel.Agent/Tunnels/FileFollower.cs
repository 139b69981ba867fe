using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Diagnostics;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent.Tunnels;

/// <summary>
/// Follows the settings file while the agent runs: when it was saved, tunnels are added, dropped and changed on the live
/// session, each with a line. A file with a mistake changes nothing.
/// </summary>
/// <param name="names">The tunnels that were asked for; empty: all of the file.</param>
/// <param name="change">Makes these the tunnels, and says what has changed.</param>
[SuppressMessage("Design", "CA1001", Justification = "RunAsync disposes of it.")]
internal sealed class FileFollower(
    AgentFile started, IReadOnlyCollection<string> names, Func<IReadOnlyList<TunnelOptions>, IReadOnlyList<(TunnelChange Change, TunnelOptions Tunnel)>> change, ILogger log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _reload = new(0, 1);
    private IReadOnlyDictionary<string, GivenValue> _settings = started.AgentValues(new OptionFaults());

    /// <summary>Looks at the file at once, changed or not. Safe from any thread.</summary>
    public void Reload()
    {
        try
        {
            _reload.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is about to.
        }
    }

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        FileStamp taken = FileStamp.Of(started.Path);
        FileStamp last = taken;
        try
        {
            while (true)
            {
                bool isAsked = await _reload.WaitAsync(Interval, stop);
                FileStamp now = FileStamp.Of(started.Path);

                // It is taken when it has stayed as it is for a moment: who writes it may not be done.
                if (isAsked || (now != taken && now == last && now != default))
                {
                    taken = now;
                    Take(isAsked);
                }

                last = now;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The agent stops.
        }
        finally
        {
            _reload.Dispose();
        }
    }

    private void Take(bool isAsked)
    {
        var faults = new OptionFaults();
        AgentFile? file = AgentFile.Read(started.Path, faults);
        IReadOnlyDictionary<string, GivenValue> settings = file?.AgentValues(faults) ?? _settings;
        IReadOnlyList<TunnelOptions> tunnels = file?.Tunnels.Where(tunnel => names.Count == 0 || names.Contains(tunnel.Name)).ToArray() ?? [];
        try
        {
            faults.ThrowIfAny();
            Tell(change(tunnels), isAsked);
            foreach (string key in settings.Keys.Union(_settings.Keys).Where(key => !IsSame(key, settings)))
            {
                AgentLog.SettingWaits(log, key);
            }

            _settings = settings;
        }
        catch (ArgumentException error)
        {
            foreach (string fault in (error as OptionException)?.Faults ?? [error.Message])
            {
                AgentLog.FileNotTaken(log, fault);
            }
        }
    }

    private bool IsSame(string key, IReadOnlyDictionary<string, GivenValue> settings) =>
        settings.TryGetValue(key, out GivenValue now) && _settings.TryGetValue(key, out GivenValue before) && now.Texts.SequenceEqual(before.Texts);

    private void Tell(IReadOnlyList<(TunnelChange Change, TunnelOptions Tunnel)> changes, bool isAsked)
    {
        foreach ((TunnelChange kind, TunnelOptions tunnel) in changes)
        {
            switch (kind)
            {
                case TunnelChange.Added:
                    AgentLog.TunnelAdded(log, tunnel.Name, tunnel.OriginText);
                    break;
                case TunnelChange.Dropped:
                    AgentLog.TunnelDropped(log, tunnel.Name);
                    break;
                default:
                    AgentLog.TunnelUpdated(log, tunnel.Name, tunnel.OriginText);
                    break;
            }
        }

        if (changes.Count == 0 && isAsked)
        {
            AgentLog.NothingChanged(log, started.Path);
        }
    }
}
