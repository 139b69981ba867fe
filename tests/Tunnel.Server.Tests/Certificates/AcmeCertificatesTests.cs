using Microsoft.Extensions.Time.Testing;
using Tunnel.Hosting.Acme;
using Tunnel.Server.Certificates;
using Tunnel.Server.Certificates.Acme;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Certificates;

/// <summary>Months of certificates in seconds: renewals, outages, limits, clocks that jump, disks that take nothing.</summary>
public sealed class AcmeCertificatesTests : IAsyncDisposable
{
    private const string Domain = "tunnel.test";
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly FakeAuthority _authority = new();
    private readonly TemporaryFolder _place = new();
    private readonly RecordedLog _log = new();
    private CertificateStore _store = null!;
    private AcmeCertificates _acme = null!;

    public AcmeCertificatesTests()
    {
        _authority.Now = _time.GetUtcNow;
        Begin();
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        await _authority.DisposeAsync();
        _place.Dispose();
    }

    [Fact]
    public async Task Certificate_OfAnAuthorityThatSuggestsNothing_IsRenewedAtTwoThirds()
    {
        await PassUntilAsync(() => _authority.Certificates == 1 && Served is not null);
        await QuietForAsync(TimeSpan.FromDays(59));
        _authority.Certificates.Should().Be(1);
        DateTimeOffset first = Served!.NotAfter;
        await QuietForAsync(TimeSpan.FromDays(3));
        await PassUntilAsync(() => _authority.Certificates == 2 && Served!.NotAfter > first);
        _authority.Replaced.Should().ContainSingle();
    }

    [Fact]
    public async Task Certificate_ThatTheAuthorityWantsBack_IsRenewedInItsWindowOnce()
    {
        await PassUntilAsync(() => _authority.Certificates == 1 && Served is not null);
        _authority.Window = (_time.GetUtcNow() - TimeSpan.FromDays(2), _time.GetUtcNow() - TimeSpan.FromDays(1));
        await QuietForAsync(TimeSpan.FromHours(7));
        await PassUntilAsync(() => _authority.Certificates == 2);
        _log.Lines.Should().Contain(line => line.Contains("The authority wants the certificate for tunnel.test renewed between 2025-12-30") && line.Contains("/why"));

        // It wants the new one back as well; that is not a reason to ask without end.
        await QuietForAsync(TimeSpan.FromMinutes(50));
        _authority.Certificates.Should().Be(2);
    }

    [Fact]
    public async Task Authority_ThatIsAwayForDays_IsAskedNoMoreThanOnceAnHour()
    {
        await PassUntilAsync(() => _authority.Certificates == 1 && Served is not null);
        DateTimeOffset first = Served!.NotAfter;
        _authority.Refuse = static (_, _) => new FakeAuthority.Refusal(503, "");
        await QuietForAsync(TimeSpan.FromDays(62));
        int before = _authority.Requests;
        for (int hour = 0; hour < 72; hour++)
        {
            await QuietForAsync(TimeSpan.FromHours(1));
        }

        (_authority.Requests - before).Should().BeInRange(30, 110);
        Served!.NotAfter.Should().Be(first, "what is there is served");
        _log.Lines.Should().Contain(line => line.Contains("The CA is in trouble") && line.Contains("The one until 2026-04-01 00:00 UTC is served. [acme-unreachable]"));
        _authority.Refuse = static (_, _) => null;
        await QuietForAsync(TimeSpan.FromHours(2));
        await PassUntilAsync(() => _authority.Certificates == 2 && Served!.NotAfter > first);
    }

    [Theory]
    [InlineData("18000")]
    [InlineData("Thu, 01 Jan 2026 05:00:00 GMT")]
    public async Task Limit_WithATime_IsWaitedForAlsoByAServerThatStartsAgain(string retryAfter)
    {
        await EndAsync();
        _authority.Refuse = (_, path) => path == "/order" ? FakeAuthority.Refusal.Of(429, "rateLimited", "Too many.", retryAfter) : null;
        Begin();
        await PassUntilAsync(() => _log.Lines.Any(line => line.Contains("[acme-rate-limited]")));
        _authority.Refuse = static (_, _) => null;
        int before = _authority.Requests;
        await EndAsync();
        Begin();
        for (int hour = 0; hour < 4; hour++)
        {
            await QuietForAsync(TimeSpan.FromHours(1));
        }

        _authority.Requests.Should().Be(before);
        await QuietForAsync(TimeSpan.FromHours(2));
        await PassUntilAsync(() => _authority.Certificates == 1);
    }

    [Fact]
    public async Task Clock_ThatIsSetBack_LengthensThePauseByItselfAtMost()
    {
        await EndAsync();
        _authority.Refuse = static (_, _) => new FakeAuthority.Refusal(503, "");
        Begin();
        await PassUntilAsync(() => _log.Lines.Any(line => line.Contains("[acme-unreachable]")));
        _authority.Refuse = static (_, _) => null;
        _time.AdjustTime(_time.GetUtcNow() - TimeSpan.FromDays(365));
        for (int minute = 0; minute < 5; minute++)
        {
            await QuietForAsync(TimeSpan.FromMinutes(1));
        }

        await PassUntilAsync(() => _authority.Certificates == 1);
    }

    [Fact]
    public async Task Disk_ThatTakesNothing_LeavesWhatIsServedAndIsTold()
    {
        await PassUntilAsync(() => _authority.Certificates == 1 && Served is not null);
        DateTimeOffset first = Served!.NotAfter;
        string folder = Path.GetDirectoryName(Directory.EnumerateFiles(_place.Path, "certificate.pem", SearchOption.AllDirectories).Single())!;
        string blocked = Directory.CreateDirectory(Path.Combine(folder, "order.json")).FullName;
        await QuietForAsync(TimeSpan.FromDays(62));
        await PassUntilAsync(() => _log.Lines.Any(line => line.Contains("Look at the disk") && line.EndsWith("[acme-unsaved]", StringComparison.Ordinal)));
        (Served!.NotAfter, _authority.Orders).Should().Be((first, 1));
        Directory.Delete(blocked);
        await QuietForAsync(TimeSpan.FromHours(2));
        await PassUntilAsync(() => _authority.Certificates == 2 && Served!.NotAfter > first);
    }

    [Fact]
    public async Task Certificate_OfTheAuthorityThatIsDamaged_IsSaidToBeSoAndReplaced()
    {
        await PassUntilAsync(() => _authority.Certificates == 1 && Served is not null);
        await EndAsync();
        await File.WriteAllTextAsync(Directory.EnumerateFiles(_place.Path, "certificate.pem", SearchOption.AllDirectories).Single(), "not this");
        Begin();
        await PassUntilAsync(() => _authority.Certificates == 2 && Served is not null);
        _log.Lines.Should().Contain(line => line.Contains("A certificate that was kept is not served") && line.EndsWith("[certificate-unusable]", StringComparison.Ordinal));
    }

    private ServedCertificate? Served => _store.Find(Domain);

    private void Begin()
    {
        _store = new CertificateStore(new CertificateSources([], null), Domain, _time, _log, obtains: true);
        var settings = new AcmeSettings { Directory = _authority.Directory, Program = "test/1" };
        _acme = new AcmeCertificates(
            settings, AcmeFolder.Open(_place.Path, settings.Directory), [new PendingProofs(_time).OverHttp], [Domain], _store, _time, _log);
        _acme.Start();
    }

    private async Task EndAsync()
    {
        await _acme.DisposeAsync();
        await _store.DisposeAsync();
    }

    // Time passes while nothing is asked: an answer must not seem late because a test is fast.
    private Task PassUntilAsync(Func<bool> condition) => Eventually.TrueAsync(async () =>
    {
        int before = _authority.Requests;
        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        if (_authority.Requests == before)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        return condition();
    });

    // All at once; then whatever was due is begun.
    private async Task QuietForAsync(TimeSpan time)
    {
        _time.Advance(time);
        for (int quiet = 0; quiet < 3;)
        {
            int before = _authority.Requests;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            quiet = _authority.Requests == before ? quiet + 1 : 0;
        }
    }
}
