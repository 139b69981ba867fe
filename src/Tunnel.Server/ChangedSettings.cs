using Microsoft.Extensions.Logging;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Settings;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server;

/// <summary>Says what was changed in the settings file while the server runs: it is read at the start alone.</summary>
/// <param name="path">Null: there is no such file, and nothing to say.</param>
internal sealed class ChangedSettings(string? path)
{
    private readonly string? _path = path;
    private readonly Lock _lock = new();
    private IReadOnlyDictionary<string, GivenValue> _known = path is null ? new Dictionary<string, GivenValue>() : ServerFile.Read(path, new OptionFaults());

    /// <summary>Reads it again. Safe from any thread.</summary>
    public void Tell(ILogger log)
    {
        if (_path is null)
        {
            return;
        }

        lock (_lock)
        {
            Tell(_path, log);
        }
    }

    private void Tell(string path, ILogger log)
    {
        var faults = new OptionFaults();
        IReadOnlyDictionary<string, GivenValue> now = ServerFile.Read(path, faults);
        _ = ServerFile.Apply(now, faults);
        foreach (string fault in faults.All)
        {
            ServerLog.FileNotTaken(log, fault);
        }

        if (faults.IsEmpty)
        {
            foreach (string name in SettingSection.Changed(_known, now))
            {
                ServerLog.SettingWaits(log, name);
            }

            _known = now;
        }
    }
}
