using System.Globalization;
using Microsoft.Extensions.Logging;
using Tunnel.Hosting;
using Tunnel.Hosting.Acme;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Certificates.Acme;

/// <summary>
/// Gets certificates and renews them, each in its own time (docs/certificates.md). Whatever goes wrong is said in the log, and tried again
/// after a pause that grows; what is served stays.
/// </summary>
internal sealed class AcmeCertificates : IAsyncDisposable
{
    /// <summary>A clock that is set leaps over what was waited for; so nothing is waited for longer than this.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan LeastSleep = TimeSpan.FromMilliseconds(100);

    /// <summary>Somebody else orders this certificate at the moment.</summary>
    private static readonly TimeSpan WhileHeld = TimeSpan.FromMinutes(1);

    private readonly AcmeSettings _settings;
    private readonly AcmeFolder _folder;
    private readonly IReadOnlyList<IChallengeSolver> _solvers;
    private readonly CertificateStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly AcmeConnection _connection;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, ManagedCertificate> _certificates = new(StringComparer.Ordinal);
    private AcmeDirectory? _directory;
    private Task _loop = Task.CompletedTask;

    /// <param name="folder">Of the CA.</param>
    /// <param name="solvers">How names can be proved here, the best first.</param>
    /// <param name="names">For which there are to be certificates.</param>
    public AcmeCertificates(
        AcmeSettings settings, AcmeFolder folder, IReadOnlyList<IChallengeSolver> solvers, IReadOnlyList<string> names, CertificateStore store, TimeProvider time, ILogger log)
    {
        _settings = settings;
        _folder = folder;
        _solvers = solvers;
        _store = store;
        _time = time;
        _log = log;
        _connection = new AcmeConnection(settings.Directory, settings.Program, settings.Authorities, time);
        foreach (string name in names)
        {
            var certificate = new ManagedCertificate(_folder.Certificate(name), Random.Shared.NextDouble());
            _certificates[name] = certificate;
            TakeIn(certificate);
        }
    }

    /// <summary>Those of a server; null: it gets none by itself.</summary>
    /// <param name="folder">The server's state; the CAs have theirs below it.</param>
    /// <param name="isHttpUsual">The port for plain HTTP is the one that CAs ask.</param>
    /// <param name="isHttpsUsual">Likewise.</param>
    /// <exception cref="ArgumentException">The folder, or a file that an option names, cannot be used.</exception>
    public static AcmeCertificates? Open(
        ServerOptions options, string folder, bool isHttpUsual, bool isHttpsUsual, PendingProofs? proofs, CertificateStore store, ILogger log, TimeProvider time)
    {
        if (proofs is null)
        {
            return null;
        }

        AcmeSettings settings = options.Acme.ToSettings();
        IChallengeSolver[] solvers = isHttpsUsual && !isHttpUsual ? [proofs.OverTls, proofs.OverHttp] : [proofs.OverHttp, proofs.OverTls];
        solvers = [.. solvers.Where(solver => options.Acme.Challenge is null || solver.Type == options.Acme.Challenge)];
        try
        {
            return new AcmeCertificates(settings, AcmeFolder.Open(folder, settings.Directory), solvers, [options.Domain], store, time, log);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"--acme: certificates cannot be kept in {Printable.Of(folder)}: {error.Message} Choose another folder with --state-dir.", error);
        }
    }

    /// <summary>Begins to ask. What is kept is served already.</summary>
    public void Start() => _loop = Task.Run(RunAsync);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _connection.Dispose();
        _stop.Dispose();
    }

    private DateTimeOffset Now => _time.GetUtcNow();

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                foreach (ManagedCertificate certificate in _certificates.Values)
                {
                    await LookAsync(certificate);
                }

                TimeSpan sleep = _certificates.Values.Where(certificate => !_store.HasFileFor(certificate.Name))
                    .Select(certificate => certificate.DueAt(Now) - Now).Append(LongestSleep).Min();
                await Task.Delay(sleep < LeastSleep ? LeastSleep : sleep, _time, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped as asked; an order that was under way is gone on with at the next start.
        }
    }

    private async Task LookAsync(ManagedCertificate certificate)
    {
        if (_store.HasFileFor(certificate.Name))
        {
            return;
        }

        if (certificate is { Current: not null } && certificate.AskAt <= Now)
        {
            await AskAsync(certificate);
        }

        if (certificate.DueAt(Now) <= Now)
        {
            await OrderAsync(certificate);
        }
    }

    // When the CA wants it renewed. One that does not say, or does not answer, leaves it to the certificate's end.
    private async Task AskAsync(ManagedCertificate certificate)
    {
        certificate.AskAt = Now + RenewalInfo.UsualPause;
        if (certificate.Current?.Id is not { } id)
        {
            return;
        }

        try
        {
            _directory ??= await AcmeClient.ReadDirectoryAsync(_connection, _stop.Token);
            if (await AcmeClient.ReadRenewalAsync(_connection, _directory, id, _stop.Token) is { } window)
            {
                certificate.Window = window;
                certificate.AskAt = Now + window.AskAgain;
                ServerLog.RenewalSuggested(_log, certificate.Name, Text(window.Start), Text(window.End), window.Explanation ?? "no reason given");
            }
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            ServerLog.RenewalUnknown(_log, certificate.Name, error.Message);
        }
    }

    private async Task OrderAsync(ManagedCertificate certificate)
    {
        try
        {
            using FolderLock? held = certificate.Folder.TryLock();
            if (held is null)
            {
                certificate.Failed(new KeptTries(certificate.Failures, Now, WhileHeld, "Another process orders it."));
                return;
            }

            // Somebody else may have been here in the meantime.
            if (!TakeIn(certificate))
            {
                ServerLog.Ordering(_log, certificate.Name, _settings.Directory.Host);
                await OrderAsync(certificate, mayRegister: true);
                certificate.ObtainedAt = Now;
                if (certificate.TakeIn(Now, out string? fault))
                {
                    _store.Obtain(certificate.Name, certificate.Current!.Served);
                }
                else if (fault is not null)
                {
                    throw new AcmeException(AcmeFault.Nonsense, fault);
                }
            }

            certificate.Succeeded();
        }
        catch (AcmeException error)
        {
            Fail(certificate, error);
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            Fail(certificate, error);
        }
    }

    private async Task OrderAsync(ManagedCertificate certificate, bool mayRegister)
    {
        try
        {
            AcmeClient client = await _folder.OpenAccountAsync(_connection, _settings, TellTerms, _stop.Token);
            using AccountKey key = client.Key;
            _directory = client.Directory;
            var order = new CertificateOrder(client, certificate.Folder, _solvers) { Profile = _settings.Profile, Replaces = certificate.Current?.Id };
            await order.RunAsync([certificate.Name], _stop.Token);
        }
        catch (AcmeException error) when (mayRegister && error.Problem?.Type == "accountDoesNotExist")
        {
            _folder.ForgetAccount();
            await OrderAsync(certificate, mayRegister: false);
        }
    }

    private bool TakeIn(ManagedCertificate certificate)
    {
        bool isNew = certificate.TakeIn(Now, out string? fault);
        if (fault is not null)
        {
            ServerLog.KeptCertificateUnusable(_log, fault);
        }

        if (isNew)
        {
            _store.Obtain(certificate.Name, certificate.Current!.Served);
        }

        return isNew && certificate.DueAt(Now) > Now;
    }

    private void TellTerms(string? terms)
    {
        if (terms is not null)
        {
            ServerLog.TermsAgreed(_log, _settings.Directory.Host, terms);
        }
    }

    private void Fail(ManagedCertificate certificate, AcmeException error)
    {
        KnownError kind = error switch
        {
            { Problem.Type: "rateLimited" } => ServerErrors.AcmeRateLimited,
            { Fault: AcmeFault.NotProved } => ServerErrors.AcmeNotProved,
            { Fault: AcmeFault.Refused or AcmeFault.Nonsense } => ServerErrors.AcmeRefused,
            _ => ServerErrors.AcmeUnreachable,
        };
        bool isOutage = kind == ServerErrors.AcmeUnreachable;
        Fail(certificate, kind, error.Message, AcmeRemedy.Of(error, certificate.Name, _solvers[0].Type), isOutage, error.RetryAfter);
    }

    private void Fail(ManagedCertificate certificate, Exception error) => Fail(
        certificate, ServerErrors.AcmeUnsaved, Printable.Of(error.Message), $"Look at the disk and at who may write in {_folder.Path}.", isOutage: true, null);

    private void Fail(ManagedCertificate certificate, KnownError kind, string reason, string remedy, bool isOutage, TimeSpan? named)
    {
        int failures = certificate.Failures + 1;
        TimeSpan pause = RenewalPlan.PauseAfter(failures, isOutage, named, Random.Shared.NextDouble());
        string served = certificate.Current is { } current ? $"The one until {Text(current.NotAfter)} is served." : "None is served.";
        ServerLog.CertificateNotObtained(_log, certificate.Name, reason, remedy, Text(Now + pause), served, kind.Code);
        try
        {
            certificate.Failed(new KeptTries(failures, Now, pause, reason));
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            ServerLog.TriesUnsaved(_log, Printable.Of(error.Message));
        }
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
