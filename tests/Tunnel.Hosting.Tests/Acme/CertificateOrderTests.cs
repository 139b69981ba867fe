using System.Security.Cryptography.X509Certificates;
using Tunnel.Hosting.Acme;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Acme;

/// <summary>An order's whole way, broken off at every point of it, against a CA that counts.</summary>
public sealed class CertificateOrderTests : IAsyncDisposable
{
    private const string Name = "tunnel.test";
    private readonly FakeAuthority _authority = new();
    private readonly TemporaryFolder _place = new();
    private readonly List<string?> _terms = [];

    public async ValueTask DisposeAsync()
    {
        await _authority.DisposeAsync();
        _place.Dispose();
    }

    [Fact]
    public async Task Order_ThatNobodyDisturbs_EndsWithACertificateAndItsKeyInOneFile()
    {
        await RunAsync();
        using X509Certificate2 kept = Kept();
        kept.HasPrivateKey.Should().BeTrue();
        kept.MatchesHostname(Name).Should().BeTrue();
        (_authority.Accounts, _authority.Orders, _authority.Certificates).Should().Be((1, 1, 1));
        _terms.Should().Equal($"{_authority.Base}/terms");
        Directory.EnumerateFiles(Folder().Certificate(Name).CertificatePath.Replace("certificate.pem", "", StringComparison.Ordinal)).Select(Path.GetFileName)
            .Should().BeEquivalentTo(["certificate.pem"]);
    }

    /// <summary>The CA takes the request and the answer never comes; then everything that was in memory is gone.</summary>
    [Fact]
    public async Task Process_EndedBehindAnyRequest_GoesOnWithTheSameAccountAndNeverAsksForASecondCertificate()
    {
        await RunAsync();
        int all = _authority.Requests;
        all.Should().BeInRange(8, 16);
        for (int broken = 1; broken <= all; broken++)
        {
            await using var authority = new FakeAuthority();
            using var place = new TemporaryFolder();
            string lost = "";
            authority.Loses = number => number == broken;
            authority.Refuse = (number, path) =>
            {
                lost = number == broken ? path : lost;
                return null;
            };
            await FluentActions.Awaiting(() => RunAsync(authority, place)).Should().ThrowAsync<AcmeException>().Where(error => error.Fault == AcmeFault.Unreachable);
            await RunAsync(authority, place);
            authority.Accounts.Should().Be(1, "broken at {0}", broken);
            authority.Certificates.Should().Be(1, "broken at {0}", broken);

            // An order whose own answer was lost cannot be found again; it comes to nothing.
            authority.Orders.Should().Be(lost == "/order" ? 2 : 1, "broken at {0}", lost);
            await RunAsync(authority, place);
            authority.Certificates.Should().Be(2, "the next one is another order's");
        }
    }

    [Fact]
    public async Task Certificate_OnTheDiskBeforeItsOrderWasForgotten_IsNotTakenForTheNext()
    {
        CertificateFolder folder = Folder().Certificate(Name);
        string order = Path.Combine(Path.GetDirectoryName(folder.CertificatePath)!, "order.json");
        string left = "";
        _authority.Refuse = (_, path) =>
        {
            left = path.StartsWith("/certificate/", StringComparison.Ordinal) ? File.ReadAllText(order) : left;
            return null;
        };
        await RunAsync();
        using X509Certificate2 first = Kept();
        await File.WriteAllTextAsync(order, left);
        await RunAsync();
        using X509Certificate2 second = Kept();
        second.SerialNumber.Should().NotBe(first.SerialNumber);
        second.GetPublicKeyString().Should().NotBe(first.GetPublicKeyString(), "a key is for one certificate");
    }

    [Fact]
    public async Task Disk_ThatTakesNothing_IsMetBeforeTheAuthorityIsAsked()
    {
        CertificateFolder folder = Folder().Certificate(Name);
        string path = Path.GetDirectoryName(folder.CertificatePath)!;
        Directory.CreateDirectory(Path.Combine(path, "order.json"));
        await FluentActions.Awaiting(() => RunAsync()).Should().ThrowAsync<Exception>().Where(error => error is IOException || error is UnauthorizedAccessException);
        _authority.Orders.Should().Be(0);
    }

    [Fact]
    public async Task Authority_ThatRefusesOneNonceAfterTheOther_IsAskedAgain()
    {
        _authority.Refuse = (number, path) => number % 2 == 0 && path != "/dir" && path != "/nonce" ? FakeAuthority.Refusal.Of(400, "badNonce", "Not this one.") : null;
        await RunAsync();
        _authority.Certificates.Should().Be(1);
    }

    [Fact]
    public async Task Authority_ThatRefusesEveryNonce_IsGivenUp()
    {
        _authority.Refuse = (_, path) => path == "/account" ? FakeAuthority.Refusal.Of(400, "badNonce", "Never.") : null;
        await FluentActions.Awaiting(() => RunAsync()).Should().ThrowAsync<AcmeException>().Where(error => error.Problem!.Type == "badNonce");
        _authority.Requests.Should().BeLessThan(50);
    }

    [Fact]
    public async Task Limit_ThatIsUsedUp_IsToldWithItsTime()
    {
        _authority.Refuse = (_, path) => path == "/order" ? FakeAuthority.Refusal.Of(429, "rateLimited", "Too many certificates.", "3600") : null;
        AcmeException refused = (await FluentActions.Awaiting(() => RunAsync()).Should().ThrowAsync<AcmeException>()).Which;
        (refused.Fault, refused.Problem!.Type, refused.RetryAfter).Should().Be((AcmeFault.Refused, "rateLimited", TimeSpan.FromHours(1)));
        refused.Message.Should().Contain("Too many certificates (rateLimited).");
    }

    [Fact]
    public async Task Order_ThatTheAuthorityForgot_IsPlacedAgain()
    {
        _authority.Refuse = (_, path) => path.StartsWith("/finalize/", StringComparison.Ordinal) ? new FakeAuthority.Refusal(503, "") : null;
        await FluentActions.Awaiting(() => RunAsync()).Should().ThrowAsync<AcmeException>().Where(error => error.Fault == AcmeFault.Unreachable);
        _authority.Refuse = (_, path) => path.StartsWith("/orders/", StringComparison.Ordinal) && _authority.Orders == 1 ? FakeAuthority.Refusal.Of(404, "malformed", "What order?") : null;
        await RunAsync();
        (_authority.Orders, _authority.Certificates).Should().Be((2, 1));
    }

    [Fact]
    public async Task Renewal_NamesWhatItReplacesAndTheProfile()
    {
        await RunAsync();
        using X509Certificate2 first = Kept();
        await RunAsync(replaces: RenewalInfo.IdOf(first), profile: "shortlived");
        _authority.Replaced.Should().Equal(RenewalInfo.IdOf(first));
        _authority.Profiles.Should().Equal("shortlived");
    }

    [Fact]
    public async Task Renewal_OfWhatWasReplacedAlready_IsAskedForWithoutThatWord()
    {
        bool isFirst = true;
        _authority.Refuse = (_, path) => path == "/order" && isFirst && !(isFirst = false) ? FakeAuthority.Refusal.Of(409, "alreadyReplaced", "It was.") : null;
        await RunAsync(replaces: "AAAA.BBBB");
        _authority.Replaced.Should().BeEmpty();
        _authority.Certificates.Should().Be(1);
    }

    [Fact]
    public async Task Profile_ThatTheAuthorityDoesNotHave_IsToldWithThoseItHas()
    {
        AcmeException refused = (await FluentActions.Awaiting(() => RunAsync(profile: "gold")).Should().ThrowAsync<AcmeException>()).Which;
        refused.Message.Should().Contain("'gold'").And.Contain("classic, shortlived");
        _authority.Orders.Should().Be(0);
    }

    [Fact]
    public async Task Account_KeyThatIsDamaged_IsNeitherUsedNorReplaced()
    {
        await RunAsync();
        string path = Path.Combine(Folder().Path, "account.json");
        string damaged = (await File.ReadAllTextAsync(path)).Replace("PRIVATE KEY", "PUBLIC KEY", StringComparison.Ordinal);
        await File.WriteAllTextAsync(path, damaged);
        await FluentActions.Awaiting(() => RunAsync()).Should().ThrowAsync<IOException>().WithMessage("*account.json*");
        (await File.ReadAllTextAsync(path)).Should().Be(damaged);
    }

    [Fact]
    public async Task Contact_ThatIsAnotherOne_IsToldToTheAuthorityOnce()
    {
        await RunAsync();
        int before = _authority.Requests;
        await RunAsync(contact: "mailto:other@tunnel.test");
        int changed = _authority.Requests - before;
        before = _authority.Requests;
        await RunAsync(contact: "mailto:other@tunnel.test");
        (_authority.Requests - before).Should().Be(changed - 1);
        _authority.Accounts.Should().Be(1);
    }

    private AcmeFolder Folder() => AcmeFolder.Open(_place.Path, _authority.Directory);

    private X509Certificate2 Kept() => X509Certificate2.CreateFromPemFile(Folder().Certificate(Name).CertificatePath);

    private Task RunAsync(string? replaces = null, string? profile = null, string contact = "mailto:me@tunnel.test") => RunAsync(_authority, _place, replaces, profile, contact);

    private async Task RunAsync(FakeAuthority authority, TemporaryFolder place, string? replaces = null, string? profile = null, string contact = "mailto:me@tunnel.test")
    {
        var settings = new AcmeSettings { Directory = authority.Directory, Program = "test/1", Contact = [contact] };
        AcmeFolder folder = AcmeFolder.Open(place.Path, authority.Directory);
        using var connection = new AcmeConnection(authority.Directory, "test/1", null, new QuickTime());
        AcmeClient client = await folder.OpenAccountAsync(connection, settings, _terms.Add, CancellationToken.None).Within();
        using AccountKey key = client.Key;
        var order = new CertificateOrder(client, folder.Certificate(Name), [new Trusted()]) { Replaces = replaces, Profile = profile };
        await order.RunAsync([Name], CancellationToken.None).Within();
    }

    // Pauses between two looks are short; limits are what they are.
    private sealed class QuickTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime < TimeSpan.FromSeconds(10) ? dueTime / 50 : dueTime, period);
    }

    // The CA takes it on trust.
    private sealed class Trusted : IChallengeSolver, IAsyncDisposable
    {
        public string Type => "http-01";

        public ValueTask<IAsyncDisposable> PresentAsync(string name, string token, string authorization, CancellationToken cancel) => new(this);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
