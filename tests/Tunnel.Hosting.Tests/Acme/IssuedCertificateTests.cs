using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tunnel.Hosting.Acme;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Acme;

/// <summary>What a CA gives out is held against what was asked for.</summary>
public sealed class IssuedCertificateTests : IDisposable
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private readonly TestAuthority _authority = new();
    private readonly X509Certificate2 _leaf;
    private readonly ECDsa _key;

    public IssuedCertificateTests()
    {
        _leaf = _authority.IssueOnCurve(Now + TimeSpan.FromDays(30), "tunnel.test");
        _key = _leaf.GetECDsaPrivateKey()!;
    }

    private string Good => _leaf.ExportCertificatePem() + "\n" + _authority.Pem;

    public void Dispose()
    {
        _key.Dispose();
        _leaf.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public void Chain_ThatWasAskedFor_IsWrittenAnewWithTheKeyBehindIt()
    {
        string pem = IssuedCertificate.Read("text before\n" + Good + "\ntext behind", _key, ["tunnel.test"], Now);
        pem.Should().NotContain("text").And.EndWith("-----END PRIVATE KEY-----\n");
        using X509Certificate2 read = X509Certificate2.CreateFromPem(pem, pem);
        read.Thumbprint.Should().Be(_leaf.Thumbprint);
        pem.Split("BEGIN CERTIFICATE").Should().HaveCount(3);
    }

    [Fact]
    public void Chain_ForAnotherKeyOrNameOrTime_IsRefused()
    {
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Fault(Good, other, "tunnel.test", Now).Should().Contain("another key");
        Fault(Good, _key, "demo.tunnel.test", Now).Should().Contain("not for demo.tunnel.test");
        Fault(Good, _key, "tunnel.test", Now + TimeSpan.FromDays(31)).Should().Contain("has ended");
        Fault(_authority.Pem + "\n" + _leaf.ExportCertificatePem(), _key, "tunnel.test", Now).Should().Contain("another key");
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")]
    [InlineData("-----BEGIN CERTIFICATE-----\n")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")]
    public void Text_ThatIsNoChain_IsRefused(string text) => Fault(text, _key, "tunnel.test", Now).Should().NotBeEmpty();

    [Fact]
    public void Chain_WithoutEnd_IsRefused() => Fault(string.Concat(Enumerable.Repeat(Good + "\n", 20)), _key, "tunnel.test", Now).Should().Contain("instead of a chain");

    /// <summary>Whatever bytes come: a chain that fits, or a refusal.</summary>
    [Fact]
    public void Chain_OfAnyBytes_ThrowsNothingElse()
    {
        foreach (int seed in Fuzzing.Seeds(300))
        {
            byte[] bytes = Fuzzing.Mutate(new Random(seed), [Encoding.ASCII.GetBytes(Good)]);
            try
            {
                IssuedCertificate.Read(Encoding.Latin1.GetString(bytes), _key, ["tunnel.test"], Now).Should().Contain("END PRIVATE KEY");
            }
            catch (AcmeException error)
            {
                error.Fault.Should().Be(AcmeFault.Nonsense, "seed {0}", seed);
            }
        }
    }

    private static string Fault(string chain, ECDsa key, string name, DateTimeOffset now) =>
        FluentActions.Invoking(() => IssuedCertificate.Read(chain, key, [name], now)).Should().Throw<AcmeException>()
            .Where(error => error.Fault == AcmeFault.Nonsense).Which.Message;
}
