using Microsoft.Extensions.Logging;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Files;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Certificates;

/// <summary>
/// The certificates of the server: from files, read again when these change, and those that it got by itself, for the names that
/// no file covers. A new file that cannot be used leaves the old certificate in its place, and the log says why. Handshakes under
/// way keep what they began with.
/// </summary>
/// <remarks>
/// Looks once a second, and reads what has stayed the same for one more, because a pair of files is not written at once. The
/// reading is done apart, one at a time: a file system that does not answer holds up neither the server nor its stop.
/// </remarks>
internal sealed class CertificateStore : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Reading some files takes no longer, unless their file system is in trouble.</summary>
    private static readonly TimeSpan LookTime = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan WarnBefore = TimeSpan.FromDays(7);
    private static readonly TimeSpan WarnEvery = TimeSpan.FromDays(1);

    private readonly CertificateSources _sources;
    private readonly string _domain;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly RareLine _rareFault;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    // Touched by the constructor, then by whoever looks: one at a time.
    private readonly Dictionary<CertificateFile, Entry> _entries = [];
    private bool _isGapTold;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, ServedCertificate> _obtained = new(StringComparer.Ordinal);
    private readonly bool _obtains;

    private volatile CertificateTable _table;
    private volatile CertificateTable _obtainedTable;
    private volatile bool _mustReadAll;

    /// <param name="domain">Tunnels are below it.</param>
    /// <exception cref="ArgumentException">A file or folder named by option cannot be used; the message says why.</exception>
    /// <param name="obtains">The server gets certificates by itself.</param>
    public CertificateStore(CertificateSources sources, string domain, TimeProvider time, ILogger log, bool obtains = false)
    {
        _obtains = obtains;
        _sources = sources;
        _domain = domain;
        _time = time;
        _table = _obtainedTable = new CertificateTable([], null, time);
        _log = log;
        _rareFault = new RareLine(time);
        try
        {
            foreach (CertificateFile file in sources.Files())
            {
                AddFirst(file);
            }
        }
        catch (CertificateException error)
        {
            throw new SettingException(ServerErrors.CertificateUnusable, error.Message, error);
        }

        Publish();
        _loop = sources.IsConfigured ? RunAsync() : Task.CompletedTask;
    }

    /// <summary>There is a certificate to terminate TLS with, or there will be one.</summary>
    public bool IsConfigured => _obtains || _sources.IsConfigured;

    /// <summary>The certificate for a name, or null when the visitor is to be turned away. Where the server gets certificates by itself, a name gets one that covers it or none.</summary>
    /// <inheritdoc cref="CertificateTable.Find" path="/param"/>
    public ServedCertificate? Find(string? name, bool takesEcdsa = true)
    {
        if (!_obtains || name is null)
        {
            return _table.Find(name, takesEcdsa) ?? _obtainedTable.Find(name, takesEcdsa);
        }

        return _table.FindFor(name, takesEcdsa) ?? _obtainedTable.FindFor(name, takesEcdsa);
    }

    /// <inheritdoc cref="CertificateTable.Covers"/>
    public bool Covers(string name) => HasFileFor(name) || _obtainedTable.Covers(name);

    /// <summary>A file covers this name, and so no other certificate is for it.</summary>
    public bool HasFileFor(string name) => _table.Covers(name);

    /// <summary>Serves a certificate that the server got by itself, in place of the one before for the same name.</summary>
    public void Obtain(string name, ServedCertificate certificate)
    {
        lock (_lock)
        {
            _obtained[name] = certificate;
            _obtainedTable = new CertificateTable(_obtained.Values, _obtained.GetValueOrDefault(_domain), _time);
        }

        ServerLog.CertificateLoaded(_log, Printable.Of(certificate.ToString()));
    }

    /// <summary>All files are read again with the next look, changed or not.</summary>
    public void Reload() => _mustReadAll = true;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(Interval, _time);
        Task look = Task.CompletedTask;
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                // One that hangs is waited for, and is let go of when the server stops.
                look = look.IsCompleted ? Task.Run(Look, CancellationToken.None) : look;
                await WaitForAsync(look);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped as asked.
        }
    }

    private async Task WaitForAsync(Task look)
    {
        try
        {
            await look.WaitAsync(LookTime, _time, _stop.Token);
        }
        catch (TimeoutException) when (_rareFault.IsDue())
        {
            ServerLog.CertificatesSlow(_log, LookTime.TotalSeconds);
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error) && error is not TimeoutException)
        {
            // What was read before stays, and the next look may find things in order.
            if (_rareFault.IsDue())
            {
                ServerLog.CertificateRefused(_log, error.Message);
            }
        }
        catch (TimeoutException)
        {
            // Said a moment ago.
        }
    }

    private void AddFirst(CertificateFile file)
    {
        var entry = new Entry { Tried = file.Stamp };
        _entries[file] = entry;
        try
        {
            entry.Certificate = file.Load(_time.GetUtcNow());
            Tell(entry);
        }
        catch (CertificateException error) when (!_sources.IsNamed(file))
        {
            // One bad file of a folder does not take the others down.
            ServerLog.CertificateRefused(_log, error.Message);
        }
    }

    private void Look()
    {
        bool hasChanged = false;
        bool mustReadAll = _mustReadAll;
        _mustReadAll = false;
        IReadOnlyList<CertificateFile> files = _sources.Files();
        foreach (CertificateFile file in files)
        {
            if (!_entries.TryGetValue(file, out Entry? entry))
            {
                _entries[file] = entry = new Entry();
            }

            hasChanged |= Renew(file, entry, mustReadAll);
            WarnOfEnd(entry);
        }

        // What was taken out of the folder is not served any longer.
        foreach (CertificateFile gone in _entries.Keys.Except(files).ToList())
        {
            ServerLog.CertificateGone(_log, Printable.Of(gone.CertPath));
            _entries.Remove(gone);
            hasChanged = true;
        }

        if (hasChanged)
        {
            Publish();
        }
    }

    private bool Renew(CertificateFile file, Entry entry, bool mustRead)
    {
        string stamp = file.Stamp;
        bool isSettled = stamp == entry.Seen;
        entry.Seen = stamp;
        if (!mustRead && (stamp == entry.Tried || !isSettled))
        {
            return false;
        }

        entry.Tried = stamp;
        try
        {
            entry.Certificate = file.Load(_time.GetUtcNow());
            Tell(entry);
            return true;
        }
        catch (CertificateException error)
        {
            ServerLog.CertificateKept(_log, error.Message, entry.Certificate?.ToString() ?? "none");
            return false;
        }
    }

    private void WarnOfEnd(Entry entry)
    {
        DateTimeOffset now = _time.GetUtcNow();
        if (entry.Certificate is { } certificate && certificate.NotAfter - now < WarnBefore && now >= entry.WarnAt)
        {
            entry.WarnAt = now + WarnEvery;
            ServerLog.CertificateExpiring(_log, Printable.Of(certificate.ToString()));
        }
    }

    private void Tell(Entry entry)
    {
        if (entry.Certificate is { } certificate)
        {
            ServerLog.CertificateLoaded(_log, Printable.Of(certificate.ToString()));
        }
    }

    // The first one named by option is the default; those of the folder are chosen by name only.
    private void Publish()
    {
        _table = new CertificateTable(
            _entries.Values.Select(static entry => entry.Certificate).OfType<ServedCertificate>(),
            _sources.Default is { } file ? _entries.GetValueOrDefault(file)?.Certificate : null,
            _time);
        bool hasGap = IsConfigured && !_table.Covers("*." + _domain);
        if (hasGap && !_isGapTold)
        {
            if (_table.IsEmpty && !_obtains)
            {
                ServerLog.NoCertificate(_log);
            }
            else
            {
                ServerLog.DomainNotCovered(_log, _domain);
            }
        }

        _isGapTold = hasGap;
    }

    private sealed class Entry
    {
        public ServedCertificate? Certificate { get; set; }

        public DateTimeOffset WarnAt { get; set; }

        /// <summary>The stamp seen last, and the one that was read last, whatever came of it.</summary>
        public string Seen { get; set; } = "";

        public string Tried { get; set; } = "";
    }
}
