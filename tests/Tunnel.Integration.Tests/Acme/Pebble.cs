using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Integration.Tests.Encrypted;
using Tunnel.Integration.Tests.Programs;
using Tunnel.Server;
using Tunnel.Server.Certificates.Acme;
using Tunnel.Server.Edge;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Acme;

/// <summary>
/// Let's Encrypt's small CA for tests, and a DNS in which every name leads to this machine. It asks for proofs at the ports that are
/// given out here for a server.
/// </summary>
public sealed class Pebble : IAsyncDisposable
{
    public const string Domain = "tunnel.test";

    private readonly TemporaryFolder _place = new();
    private readonly CertificateFolder _files = new();
    private readonly int _dns = FreePort.Find();
    private readonly int _port = FreePort.Find();
    private readonly int _management = FreePort.Find();
    private readonly List<ProgramRun> _runs = [];

    private Pebble()
    {
    }

    public int HttpPort { get; } = FreePort.Find();

    public int HttpsPort { get; } = FreePort.Find();

    /// <summary>Where a server keeps what it gets.</summary>
    public string StateFolder => _place.File("state");

    public string DirectoryUrl => $"https://localhost:{_port}/dir";

    /// <param name="settings">Variables like <c>PEBBLE_WFE_NONCEREJECT=50</c>.</param>
    /// <param name="external">Keys by their names: only who has one is let in.</param>
    public static async Task<Pebble> StartAsync(string[]? settings = null, Dictionary<string, string>? external = null)
    {
        var pebble = new Pebble();
        await pebble.RunAsync(settings ?? [], external ?? []);
        return pebble;
    }

    /// <summary>Options of a server that gets its certificates here.</summary>
    public ServerOptions Options(ServerOptions options, Func<AcmeOptions, AcmeOptions>? change = null)
    {
        var acme = new AcmeOptions { Email = "me@tunnel.test", Directory = DirectoryUrl, Root = _place.File("authority.pem") };
        return options with
        {
            Domain = Domain,
            StateDir = StateFolder,
            Acme = change is null ? acme : change(acme),
            Listen = new ListenOptions { LoopbackOnly = true, HttpPort = HttpPort, HttpsPort = HttpsPort, AgentPort = 0 },
        };
    }

    /// <summary>The root of all that it gives out, for whoever is to trust it.</summary>
    public async Task<X509Certificate2> RootAsync()
    {
        using HttpClient client = Client();
        return X509Certificate2.CreateFromPem(await client.GetStringAsync(new Uri($"https://localhost:{_management}/roots/0")));
    }

    /// <summary>It is gone, as if it had never answered.</summary>
    public async Task StopAsync()
    {
        foreach (ProgramRun run in _runs)
        {
            await run.DisposeAsync();
        }

        _runs.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _files.Dispose();
        _place.Dispose();
    }

    private async Task RunAsync(string[] settings, Dictionary<string, string> external)
    {
        using X509Certificate2 own = _files.Authority.Issue("localhost", "127.0.0.1");
        await File.WriteAllTextAsync(_place.File("cert.pem"), own.ExportCertificatePem());
        await File.WriteAllTextAsync(_place.File("key.pem"), own.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem());
        await File.WriteAllTextAsync(_place.File("authority.pem"), _files.Authority.Pem);
        string keys = string.Join(',', external.Select(key => $"\"{key.Key}\":\"{key.Value}\""));
        await File.WriteAllTextAsync(_place.File("pebble.json"), string.Create(CultureInfo.InvariantCulture, $$"""
            { "pebble": {
                "listenAddress": "127.0.0.1:{{_port}}", "managementListenAddress": "127.0.0.1:{{_management}}",
                "certificate": "{{_place.File("cert.pem")}}", "privateKey": "{{_place.File("key.pem")}}",
                "httpPort": {{HttpPort}}, "tlsPort": {{HttpsPort}}, "ocspResponderURL": "",
                "externalAccountBindingRequired": {{(external.Count > 0 ? "true" : "false")}}, "externalAccountMACKeys": { {{keys}} } } }
            """));
        _runs.Add(ProgramRun.Start(
            _place.Path, "pebble-challtestsrv", "-dns01", $"127.0.0.1:{_dns}", "-http01", "", "-https01", "", "-tlsalpn01", "",
            "-management", $"127.0.0.1:{FreePort.Find()}", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""));
        _runs.Add(ProgramRun.Start(
            _place.Path,
            "env",
            ["PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0", "PEBBLE_WFE_NONCEREJECT=0", .. settings, "pebble", "-config", _place.File("pebble.json"), "-dnsserver", $"127.0.0.1:{_dns}"]));
        foreach (ProgramRun run in _runs)
        {
            // A pipe that nobody empties would stop the program.
            _ = run.Output.ReadToEndAsync();
        }

        using HttpClient client = Client();
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                using HttpResponseMessage answer = await client.GetAsync(new Uri(DirectoryUrl));
                return answer.StatusCode == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
    }

    private HttpClient Client() => new(new SocketsHttpHandler { SslOptions = _files.Authority.ClientOptions("localhost") });
}
