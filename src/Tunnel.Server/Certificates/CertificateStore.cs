using Microsoft.Extensions.Logging;
using Tunnel.Hosting;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Certificates;

/// <summary>
/// The certificates of the server, read from files and read again when these change. A new file that cannot be used
/// leaves the old certificate in its place, and the log says why. Handshakes under way keep what they began with.
/// </summary>
/// <remarks>Looks once a second, and reads what has stayed the same for one more, because a pair of files is not written at once.</remarks>
internal sealed class CertificateStore : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WarnBefore = TimeSpan.FromDays(7);
    private static readonly TimeSpan WarnEvery = TimeSpan.FromDays(1);

    private readonly CertificateSources _sources;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly RareLine _rareFault;
    private readonly ITimer _timer;
    private readonly Lock _looking = new();
    private readonly Dictionary<CertificateFile, Entry> _entries = [];
    private volatile CertificateTable _table = new([], null);

    /// <exception cref="ArgumentException">A file named by option cannot be used; the message says why.</exception>
    public CertificateStore(CertificateSources sources, TimeProvider time, ILogger log)
    {
        _sources = sources;
        _time = time;
        _log = log;
        _rareFault = new RareLine(time);
        foreach (CertificateFile file in sources.Files())
        {
            var entry = new Entry { Tried = file.Stamp };
            _entries[file] = entry;
            try
            {
                entry.Certificate = file.Load(time.GetUtcNow());
            }
            catch (CertificateException error) when (!sources.IsNamed(file))
            {
                // One bad file of a folder does not take the others down.
                ServerLog.CertificateRefused(log, error.Message);
            }
            catch (CertificateException error)
            {
                throw new ArgumentException(error.Message, error);
            }

            Tell(entry);
        }

        Publish();
        _timer = time.CreateTimer(static store => ((CertificateStore)store!).Look(), this, Interval, Interval);
    }

    /// <summary>There is a certificate to terminate TLS with.</summary>
    public bool IsConfigured => _sources.IsConfigured;

    /// <inheritdoc cref="CertificateTable.Find"/>
    public ServedCertificate? Find(string? name) => _table.Find(name);

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    // A tick that comes while the last one still reads has nothing to add.
    private void Look()
    {
        if (!_looking.TryEnter())
        {
            return;
        }

        try
        {
            bool hasChanged = false;
            IReadOnlyList<CertificateFile> files = _sources.Files();
            foreach (CertificateFile file in files)
            {
                if (!_entries.TryGetValue(file, out Entry? entry))
                {
                    _entries[file] = entry = new Entry();
                }

                hasChanged |= Renew(file, entry);
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
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The folder cannot be listed at the moment: what was read from it stays.
            if (_rareFault.IsDue())
            {
                ServerLog.CertificateRefused(_log, error.Message);
            }
        }
        finally
        {
            _looking.Exit();
        }
    }

    private bool Renew(CertificateFile file, Entry entry)
    {
        string stamp = file.Stamp;
        bool isSettled = stamp == entry.Seen;
        entry.Seen = stamp;
        if (stamp == entry.Tried || !isSettled)
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
    private void Publish() => _table = new CertificateTable(
        _entries.Values.Select(static entry => entry.Certificate).OfType<ServedCertificate>(),
        _sources.Default is { } file ? _entries.GetValueOrDefault(file)?.Certificate : null);

    private sealed class Entry
    {
        public ServedCertificate? Certificate { get; set; }

        public DateTimeOffset WarnAt { get; set; }

        /// <summary>The stamp seen last, and the one that was read last, whatever came of it.</summary>
        public string Seen { get; set; } = "";

        public string Tried { get; set; } = "";
    }
}
