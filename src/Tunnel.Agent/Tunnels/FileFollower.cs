using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Diagnostics;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Settings;

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

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _reload = new(0, 1);
    private TaskCompletionSource<FileNews> _asked = New();
    private IReadOnlyDictionary<string, GivenValue> _settings = started.AgentValues(new OptionFaults());

    /// <summary>The file.</summary>
    public string Path => started.Path;

    /// <summary>Looks at the file at once, changed or not. Safe from any thread, while <see cref="RunAsync"/> runs.</summary>
    /// <returns>What came of it.</returns>
    public Task<FileNews> ReloadAsync()
    {
        lock (_lock)
        {
            if (_reload.CurrentCount == 0)
            {
                _reload.Release();
            }

            return _asked.Task;
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
                    TaskCompletionSource<FileNews>? asked = isAsked ? NextAsked() : null;
                    FileNews news = Take();
                    Tell(news, isAsked);
                    asked?.SetResult(news);
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

    // Who asks from here on may mean what is saved from here on.
    private TaskCompletionSource<FileNews> NextAsked()
    {
        lock (_lock)
        {
            TaskCompletionSource<FileNews> asked = _asked;
            _asked = New();
            return asked;
        }
    }

    private FileNews Take()
    {
        var faults = new OptionFaults();
        AgentFile? file = AgentFile.Read(started.Path, faults);
        IReadOnlyDictionary<string, GivenValue> settings = file?.AgentValues(faults) ?? _settings;
        IReadOnlyList<TunnelOptions> tunnels = file?.Tunnels.Where(tunnel => names.Count == 0 || names.Contains(tunnel.Name)).ToArray() ?? [];
        try
        {
            faults.ThrowIfAny();
            IReadOnlyList<(TunnelChange, TunnelOptions)> changes = change(tunnels);
            string[] waiting = [.. SettingSection.Changed(_settings, settings)];
            _settings = settings;
            return new FileNews(changes, waiting, []);
        }
        catch (ArgumentException error)
        {
            return new FileNews([], [], (error as OptionException)?.Faults ?? [error.Message]);
        }
    }

    private void Tell(FileNews news, bool isAsked)
    {
        foreach ((TunnelChange kind, TunnelOptions tunnel) in news.Changes)
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

        foreach (string key in news.Waiting)
        {
            AgentLog.SettingWaits(log, key);
        }

        foreach (string fault in news.Faults)
        {
            AgentLog.FileNotTaken(log, fault);
        }

        if (isAsked && news is { Changes.Count: 0, Faults.Count: 0 })
        {
            AgentLog.NothingChanged(log, started.Path);
        }
    }

    private static TaskCompletionSource<FileNews> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>What came of looking at the settings file again.</summary>
/// <param name="Waiting">Settings that have changed and take effect at the next start.</param>
/// <param name="Faults">Why nothing of it was taken; none: it was.</param>
internal sealed record FileNews(IReadOnlyList<(TunnelChange Change, TunnelOptions Tunnel)> Changes, IReadOnlyList<string> Waiting, IReadOnlyList<string> Faults);
