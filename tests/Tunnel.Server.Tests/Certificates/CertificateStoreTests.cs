using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Server.Certificates;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Certificates;

public sealed class CertificateStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TestAuthority _authority = new();
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly RecordedLog _log = new();

    public void Dispose()
    {
        _folder.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public async Task Folder_WithoutACertificate_IsSaidAtTheStart()
    {
        await using CertificateStore store = Open();

        store.Covers("demo.tunnel.test").Should().BeFalse();
        _log.Lines.Should().ContainSingle(line => line.StartsWith("No certificate is served"));
    }

    [Theory]
    [InlineData("demo.tunnel.test", true)]
    [InlineData("*.tunnel.test", false)]
    public async Task Certificate_ForAPartOfTheNames_IsSaid(string name, bool isSaid)
    {
        Write("some", name);

        await using CertificateStore store = Open();

        store.Covers("demo.tunnel.test").Should().BeTrue();
        store.Covers("a.demo.tunnel.test").Should().BeFalse();
        _log.Lines.Any(line => line.StartsWith("No certificate is for *.tunnel.test")).Should().Be(isSaid);
    }

    [Fact]
    public async Task File_OfTheFolderThatCannotBeUsed_LeavesTheOthersServed()
    {
        Write("good", "*.tunnel.test");
        File.WriteAllText(_folder.File("bad.pem"), "nothing");

        await using CertificateStore store = Open();

        store.Find("demo.tunnel.test").Should().NotBeNull();
        _log.Lines.Should().ContainSingle(line => line.StartsWith("A certificate is not served") && line.Contains("bad.pem"));
    }

    [Fact]
    public async Task Folder_ThatIsGone_LeavesWhatWasRead()
    {
        string folder = _folder.Folder("live");
        Write("live/good", "*.tunnel.test");
        await using CertificateStore store = Open(folder);
        Directory.Delete(folder, recursive: true);

        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return _log.Lines.Any(line => line.Contains($"{folder} cannot be listed"));
        });

        store.Find("demo.tunnel.test").Should().NotBeNull();
    }

    [Fact]
    public async Task Reload_OfFilesThatHaveNotChanged_ReadsThemAgain()
    {
        Write("good", "*.tunnel.test");
        await using CertificateStore store = Open();
        ServedCertificate? before = store.Find("demo.tunnel.test");

        store.Reload();

        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return store.Find("demo.tunnel.test") != before;
        });
    }

    private CertificateStore Open(string? folder = null) => new(new CertificateSources([], folder ?? _folder.Path), "tunnel.test", _time, _log);

    private void Write(string file, params string[] names)
    {
        using X509Certificate2 certificate = _authority.Issue(names);
        File.WriteAllText(_folder.File(file + ".pem"), certificate.ExportCertificatePem() + "\n" + certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem());
    }
}
