using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tunnel.Server.Certificates;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Certificates;

public sealed class CertificateFileTests : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private readonly TemporaryFolder _folder = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public void Dispose()
    {
        _folder.Dispose();
        _key.Dispose();
    }

    [ProgramTheory("openssl")]
    [InlineData("DSA", "dsaparam -out dsa.par 1024", "gendsa -out odd.key dsa.par")]
    [InlineData("ED25519", "genpkey -algorithm ed25519 -out odd.key", "version")]
    public void Load_AKeyOfAKindThatIsNotServed_SaysSo(string kind, string first, string second)
    {
        foreach (string command in new[] { first, second, "req -x509 -new -key odd.key -subj /CN=odd.test -days 10 -out odd.pem" })
        {
            using var made = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("openssl", command)
            {
                WorkingDirectory = _folder.Path,
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            })!;
            made.StandardError.ReadToEnd();
            made.WaitForExit();
        }

        Loading("odd.pem", "odd.key").Should().Throw<CertificateException>().WithMessage($"{_folder.File("odd.pem")} is for a key of a kind that cannot be served ({kind}).*");
    }

    [Fact]
    public void Load_NamesThatCannotBeRead_SaysThatItCannotBeServed()
    {
        Write("odd.pem", Make(extension: new X509Extension("2.5.29.17", [0x30, 0x82, 0x01], critical: false)));

        Loading("odd.pem").Should().Throw<CertificateException>().WithMessage($"The certificate in {_folder.File("odd.pem")} cannot be served: *");
    }

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    public void Load_PemWithAByteOrderMark_IsRead(string encoding)
    {
        File.WriteAllText(_folder.File("marked.pem"), Pem(Make()) + _key.ExportPkcs8PrivateKeyPem(), Encoding.GetEncoding(encoding));

        Loading("marked.pem").Should().NotThrow();
    }

    [Fact]
    public void Load_TwoIntermediatesOfOneName_SendsBothAsTheFileHasThem()
    {
        using ECDsa intermediate = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X509Certificate2[] chain = [Root("first", intermediate), Root("second", intermediate)];
        X509Certificate2 leaf = Make(issuer: chain[0], issuerKey: intermediate);

        Write("chain.pem", [leaf, .. chain]);
        Sent("chain.pem").Should().Equal(chain.Select(certificate => certificate.Thumbprint));

        Write("chain.pem", [leaf, leaf, chain[1], chain[0]]);
        Sent("chain.pem").Should().Equal(chain[1].Thumbprint, chain[0].Thumbprint);
    }

    [Fact]
    public void Load_Pfx_SendsEachIssuerBehindWhatItSigned()
    {
        using ECDsa low = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ECDsa high = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X509Certificate2 top = Authority("top", high, null, high);
        X509Certificate2 middle = Authority("middle", low, top, high);
        X509Certificate2 leaf = Make(issuer: middle, issuerKey: low);
        var all = new X509Certificate2Collection { top, leaf.CopyWithPrivateKey(_key), middle };
        File.WriteAllBytes(_folder.File("all.pfx"), all.Export(X509ContentType.Pfx)!);

        Sent("all.pfx").Should().Equal(middle.Thumbprint, top.Thumbprint);
    }

    [Fact]
    public void Load_AnIssuerThatIsKnownByItsAddressAlone_AsksNobody()
    {
        using var network = new TcpListener(IPAddress.Loopback, 0);
        network.Start();
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var address = new X509AuthorityInformationAccessExtension([], [$"http://127.0.0.1:{((IPEndPoint)network.LocalEndpoint).Port}/issuer"]);
        Write("lone.pem", Make(issuer: Root("issuer", other), issuerKey: other, extension: address));

        Loading("lone.pem").Should().NotThrow();

        network.Pending().Should().BeFalse();
    }

    private Action Loading(string file, string? key = null) => () => new CertificateFile(_folder.File(file), key is null ? null : _folder.File(key)).Load(Now);

    private IEnumerable<string> Sent(string file) =>
        new CertificateFile(_folder.File(file), null).Load(Now).HandshakeFor(offersTls13: true)
            .ServerCertificateContext!.IntermediateCertificates.Select(certificate => certificate.Thumbprint);

    private void Write(string file, params X509Certificate2[] chain) =>
        File.WriteAllText(_folder.File(file), string.Concat(chain.Select(Pem)) + _key.ExportPkcs8PrivateKeyPem());

    private static string Pem(X509Certificate2 certificate) => certificate.ExportCertificatePem() + "\n";

    // Of one name and key, each by an authority of its own.
    private static X509Certificate2 Root(string by, ECDsa key)
    {
        using ECDsa above = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Authority("intermediate", key, Authority(by, above, null, above), above);
    }

    private static X509Certificate2 Authority(string name, ECDsa key, X509Certificate2? issuer, ECDsa issuerKey)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return Signed(request, issuer, issuerKey);
    }

    private X509Certificate2 Make(X509Certificate2? issuer = null, ECDsa? issuerKey = null, X509Extension? extension = null)
    {
        var request = new CertificateRequest("CN=demo.test", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication)], false));
        if (extension is not null)
        {
            request.CertificateExtensions.Add(extension);
        }

        return Signed(request, issuer, issuerKey ?? _key);
    }

    private static X509Certificate2 Signed(CertificateRequest request, X509Certificate2? issuer, ECDsa issuerKey) => request.Create(
        issuer?.SubjectName ?? request.SubjectName,
        X509SignatureGenerator.CreateForECDsa(issuerKey),
        Now - TimeSpan.FromDays(1),
        Now + TimeSpan.FromDays(10),
        RandomNumberGenerator.GetBytes(8));
}
