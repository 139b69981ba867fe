using System.Security.Cryptography.X509Certificates;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server;
using Tunnel.Server.Certificates;
using Tunnel.Server.Edge;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Encrypted;

/// <summary>Certificates that change on disk while the server runs, for better or worse.</summary>
public sealed class CertificateReloadTests : IDisposable
{
    private const string Name = "demo.tunnel.test";
    private readonly CertificateFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task File_Renewed_IsServedAndOpenConnectionsGoOn()
    {
        (string cert, string key) = _files.Write("demo", Name);
        await using TunnelPair pair = await StartAsync(options => options with { Tls = options.Tls with { Certs = [cert], Keys = [key] } });
        using SecureVisitor before = await VisitAsync(pair);
        string serial = before.Certificate.SerialNumber;
        _files.Write("demo", Name);
        await Eventually.TrueAsync(async () =>
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
            using SecureVisitor visitor = await VisitAsync(pair);
            return visitor.Certificate.SerialNumber != serial;
        });
        (await before.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n")).Should().StartWith("HTTP/1.1 200");
    }

    public static TheoryData<string, string> BrokenFiles() => new()
    {
        { "text", "holds no certificate in PEM form" },
        { "other key", "does not belong to the certificate" },
        { "expired", "expired on" },
        { "early", "Check the clock" },
        { "no key", "holds no private key" },
        { "gone", "cannot be read" },
    };

    [Theory]
    [MemberData(nameof(BrokenFiles))]
    public async Task File_ReplacedByOneThatCannotBeUsed_KeepsTheOldAndTheLogSaysWhy(string what, string reason)
    {
        (string cert, string key) = _files.Write("demo", Name);
        await using TunnelPair pair = await StartAsync(options => options with { Tls = options.Tls with { Certs = [cert], Keys = [key] } });
        Break(what, cert, key);
        await Eventually.TrueAsync(() =>
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
            return pair.Log.Any(line => line.Contains("A changed certificate is not served") && line.Contains(reason));
        });
        using SecureVisitor visitor = await VisitAsync(pair);
        visitor.Certificate.Subject.Should().Be($"CN={Name}");
    }

    [Theory]
    [MemberData(nameof(BrokenFiles))]
    public void File_ThatCannotBeUsedAtTheStart_StopsTheServerWithTheReason(string what, string reason)
    {
        (string cert, string key) = _files.Write("demo", Name);
        Break(what, cert, key);
        using var logs = new RecordingLogs();
        FluentActions.Invoking(() => ServerHost.Start(
            new ServerOptions { Listen = new ListenOptions { LoopbackOnly = true, HttpPort = 0, AgentPort = 0, HttpsPort = 0 }, Tls = new TlsOptions { Certs = [cert], Keys = [key] } }, logs))
            .Should().Throw<ArgumentException>().WithMessage($"*{reason}*");
    }

    [Fact]
    public async Task Folder_GainsAndLosesCertificates_WhileTheServerRuns()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_files.Folder, "live")).FullName;
        (string first, string firstKey) = _files.Write("default", "fallback.test");
        await using TunnelPair pair = await StartAsync(options => options with { Tls = options.Tls with { Certs = [first], Keys = [firstKey], CertDir = folder } });
        (await SubjectAsync(pair)).Should().Be("CN=fallback.test");
        using X509Certificate2 pfx = _files.Authority.Issue(Name);
        string path = Path.Combine(folder, "demo.pfx");
        await File.WriteAllBytesAsync(path, pfx.Export(X509ContentType.Pfx));
        await EventuallyAsync(pair, $"CN={Name}");
        File.Delete(path);
        await EventuallyAsync(pair, "CN=fallback.test");

        // As certbot lays it out.
        (string cert, string key) = _files.Write("made", Name);
        string site = Directory.CreateDirectory(Path.Combine(folder, "site")).FullName;
        File.Move(key, Path.Combine(site, "privkey.pem"));
        File.Move(cert, Path.Combine(site, "fullchain.pem"));
        await EventuallyAsync(pair, $"CN={Name}");
    }

    [Fact]
    public async Task SelfSigned_IsMadeForTheDomainAndKeptAcrossRestarts()
    {
        string state = Path.Combine(_files.Folder, "state");
        string? first = null;
        for (int run = 0; run < 2; run++)
        {
            await using TunnelPair pair = await StartAsync(options => options with { StateDir = state, Tls = options.Tls with { SelfSigned = true } });
            using SecureVisitor visitor = await SecureVisitor.ConnectAsync(
                pair.Server.HttpsPort!.Value, _files.Authority, Name, options => options.RemoteCertificateValidationCallback = (_, _, _, _) => true);
            visitor.Certificate.MatchesHostname(Name).Should().BeTrue();
            visitor.Certificate.MatchesHostname("tunnel.test").Should().BeTrue();
            first ??= visitor.Certificate.SerialNumber;
            visitor.Certificate.SerialNumber.Should().Be(first);
        }

        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(Path.Combine(state, "self-signed.key")).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private void Break(string what, string cert, string key)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        switch (what)
        {
            case "text":
                File.WriteAllText(cert, "not a certificate");
                break;
            case "other key":
                File.Copy(_files.Write("other", Name).Key, key, overwrite: true);
                break;
            case "expired":
                using (X509Certificate2 old = _files.Authority.Issue(now - TimeSpan.FromDays(1), Name))
                {
                    _files.Write("demo", old);
                }

                break;
            case "early":
                using (X509Certificate2 early = _files.Authority.Issue(now + TimeSpan.FromDays(200), Name))
                {
                    _files.Write("demo", early);
                }

                break;
            case "no key":
                File.WriteAllText(key, "nothing");
                break;
            default:
                File.Delete(key);
                break;
        }
    }

    private static Task<TunnelPair> StartAsync(Func<ServerOptions, ServerOptions> change) =>
        TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hi")), new PairOptions
        {
            IsTimeFake = true,
            Server = options => change(options with { Domain = "tunnel.test", Listen = options.Listen with { HttpsPort = 0 } }),
        });

    private Task<SecureVisitor> VisitAsync(TunnelPair pair) => SecureVisitor.ConnectAsync(pair.Server.HttpsPort!.Value, _files.Authority, Name);

    private async Task<string> SubjectAsync(TunnelPair pair)
    {
        using SecureVisitor visitor = await SecureVisitor.ConnectAsync(
            pair.Server.HttpsPort!.Value, _files.Authority, Name, options => options.RemoteCertificateValidationCallback = (_, _, _, _) => true);
        return visitor.Certificate.Subject;
    }

    private Task EventuallyAsync(TunnelPair pair, string subject) => Eventually.TrueAsync(async () =>
    {
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        return await SubjectAsync(pair) == subject;
    });
}
