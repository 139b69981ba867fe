using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Tunnel.Hosting.Acme;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Encrypted;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Acme;

/// <summary>From a fresh server to HTTPS for its domain, against a CA that is not ours.</summary>
public sealed class DomainCertificateTests
{
    [ProgramTheory("pebble", "pebble-challtestsrv", "env")]
    [InlineData(null)]
    [InlineData("http-01")]
    [InlineData("tls-alpn-01")]
    public async Task Certificate_OfTheDomain_IsObtainedKeptAndServedWithoutTheAuthorityAfterwards(string? challenge)
    {
        await using Pebble pebble = await Pebble.StartAsync();
        using X509Certificate2 root = await pebble.RootAsync();
        string serial;
        await using (TunnelPair pair = await StartAsync(pebble, challenge))
        {
            await WhenLoggedAsync(pair, "Serving the certificate for tunnel.test, until");
            pair.Log.Should().ContainSingle(line => line.Contains("gives certificates on its terms, which --acme consents to: data:text"));
            using X509Certificate2 served = await ServedAsync(pair, root);
            serial = served.SerialNumber;
        }

        await pebble.StopAsync();
        await using (TunnelPair pair = await StartAsync(pebble, challenge))
        {
            pair.Log.Should().Contain(line => line.Contains("Serving the certificate for tunnel.test, until"), "it was on the disk when the server started");
            using X509Certificate2 served = await ServedAsync(pair, root);
            served.SerialNumber.Should().Be(serial);
            pair.Log.Should().NotContain(line => line.Contains("Asking localhost"));
        }

        foreach (string file in Directory.EnumerateFiles(pebble.StateFolder, "*", SearchOption.AllDirectories))
        {
            OwnerOnlyFile.IsOpenToOthers(file).Should().BeFalse(file);
        }
    }

    [ProgramFact("pebble", "pebble-challtestsrv", "env")]
    public async Task Nonces_OfWhichHalfAreRefused_CostNothingButTime()
    {
        await using Pebble pebble = await Pebble.StartAsync(["PEBBLE_WFE_NONCEREJECT=50"]);
        await using TunnelPair pair = await StartAsync(pebble);
        await WhenLoggedAsync(pair, "Serving the certificate for tunnel.test, until");
        pair.Log.Should().NotContain(line => line.Contains("No new certificate"));
    }

    [ProgramFact("pebble", "pebble-challtestsrv", "env")]
    public async Task Authority_ThatKnowsItsCustomers_LetsInWhoHasAKeyAndTellsOthersWhatToSay()
    {
        await using Pebble pebble = await Pebble.StartAsync(external: new() { ["kid-1"] = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W" });
        await using (TunnelPair refused = await StartAsync(pebble))
        {
            await WhenLoggedAsync(refused, "No new certificate for tunnel.test: This CA lets in only who has an account there already. Say --acme-eab KEYID:KEY");
            refused.Log.Should().Contain(line => line.EndsWith("[acme-refused]", StringComparison.Ordinal));
        }

        Directory.Delete(pebble.StateFolder, recursive: true);
        await using TunnelPair pair = await TunnelPair.StartAsync(_ => Task.CompletedTask, new PairOptions
        {
            HasAgent = false,
            Server = options => pebble.Options(options, acme => acme with { External = "kid-1:zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W" }),
        });
        await WhenLoggedAsync(pair, "Serving the certificate for tunnel.test, until");
    }

    [ProgramTheory("pebble", "pebble-challtestsrv", "env")]
    [InlineData("http-01", "Port 80 of tunnel.test must reach this server", "say --acme-challenge tls")]
    [InlineData("tls-alpn-01", "on port 443 of tunnel.test, or nobody does", "A and AAAA records lead to this server")]
    public async Task Name_ThatTheAuthorityDoesNotReach_IsToldWithTheRemedyAndTheNextTry(string challenge, string remedy, string other)
    {
        await using Pebble pebble = await Pebble.StartAsync();
        await using TunnelPair pair = await TunnelPair.StartAsync(_ => Task.CompletedTask, new PairOptions
        {
            HasAgent = false,
            Server = options => pebble.Options(options, acme => acme with { Challenge = challenge }) is var usual
                ? usual with { Listen = usual.Listen with { HttpPort = 0, HttpsPort = 0 } }
                : options,
        });
        await WhenLoggedAsync(pair, "No new certificate for tunnel.test");
        pair.Log.Should().ContainSingle(line => line.StartsWith("Warning: No new certificate for tunnel.test"))
            .Which.Should().Contain($"The CA did not find the proof ({challenge})").And.Contain(remedy).And.Contain(other)
            .And.MatchRegex(@"The next try is at \d{4}-\d\d-\d\d \d\d:\d\d UTC\. None is served\. \[acme-not-proved\]$");
    }

    [Fact]
    public async Task Authority_ThatCannotBeReached_IsToldAndTheServerServes()
    {
        using var place = new TemporaryFolder();
        await using TunnelPair pair = await TunnelPair.StartAsync(_ => Task.CompletedTask, new PairOptions
        {
            HasAgent = false,
            Server = options => options with
            {
                Domain = Pebble.Domain,
                StateDir = place.Path,
                Acme = new() { Email = "", Directory = $"http://127.0.0.1:{FreePort.Find()}/dir" },
                Listen = options.Listen with { HttpsPort = 0 },
            },
        });
        await WhenLoggedAsync(pair, "cannot be reached");
        pair.Log.Should().Contain(line => line.EndsWith("None is served. [acme-unreachable]", StringComparison.Ordinal));
        (await pair.AskAsync($"GET / HTTP/1.1\r\nHost: {Pebble.Domain}\r\n\r\n")).Status.Should().Be(200);
    }

    /// <summary>What a stranger asks like a CA is the tunnel's, on both ports, while the server has an order of its own.</summary>
    [Fact]
    public async Task Questions_OfOtherAuthorities_GoWhereTheirNamesLead()
    {
        using var place = new TemporaryFolder();
        await using var authority = new FakeAuthority();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        authority.Refuse = (_, path) =>
        {
            if (path.StartsWith("/challenge/", StringComparison.Ordinal))
            {
                asked.TrySetResult();
            }

            // The order waits, as long as the test runs.
            return path.StartsWith("/challenge/", StringComparison.Ordinal) ? new FakeAuthority.Refusal(200, "{}") : null;
        };
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("the tunnel's own")), new PairOptions
        {
            Server = options => Options(options, place, authority),
        });
        await asked.Task.Within();
        string token = JsonNode.Parse(await File.ReadAllTextAsync(Directory.EnumerateFiles(place.Path, "order.json", SearchOption.AllDirectories).Single()))!["url"]!.ToString().Split('/')[^1];
        Answer own = await pair.AskAsync($"GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: {Pebble.Domain}\r\n\r\n");
        own.Text.Should().StartWith($"{token}.");
        own["Content-Type"].Should().Be("text/plain; charset=utf-8");
        foreach (string path in (string[])[token, "another", ""])
        {
            Answer answer = await pair.AskAsync($"GET /.well-known/acme-challenge/{path} HTTP/1.1\r\nHost: demo.{Pebble.Domain}\r\n\r\n");
            answer.Text.Should().Be("the tunnel's own");
        }
    }

    [Fact]
    public async Task Renewal_UnderLoad_CostsNoHandshake()
    {
        using var place = new TemporaryFolder();
        await using var authority = new FakeAuthority();
        using var old = new TestAuthority();
        using X509Certificate2 ending = old.IssueOnCurve(TimeProvider.System.GetUtcNow() + TimeSpan.FromDays(10), Pebble.Domain);
        string folder = Path.GetDirectoryName(AcmeFolder.Open(place.File("acme"), authority.Directory).Certificate(Pebble.Domain).CertificatePath)!;
        await File.WriteAllTextAsync(Path.Combine(folder, "certificate.pem"), ending.ExportCertificatePem() + "\n" + ending.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        var serials = new ConcurrentDictionary<string, int>();
        await using TunnelPair pair = await TunnelPair.StartAsync(_ => Task.CompletedTask, new PairOptions { HasAgent = false, Server = options => Options(options, place, authority) });
        X509Certificate2Collection both = [old.Certificate, authority.Root];
        await Parallel.ForAsync(0, 4, async (_, _) =>
        {
            int since = 0;
            while (since < 5)
            {
                using SecureVisitor visitor = await SecureVisitor.ConnectAsync(pair.Server.HttpsPort!.Value, both, Pebble.Domain);
                serials.AddOrUpdate(visitor.Certificate.SerialNumber, 1, static (_, count) => count + 1);
                since += authority.Certificates > 0 && visitor.Certificate.SerialNumber != ending.SerialNumber ? 1 : 0;
            }
        }).Within(TimeSpan.FromMinutes(1));
        serials.Should().HaveCount(2).And.ContainKey(ending.SerialNumber);
    }

    private static ServerOptions Options(ServerOptions options, TemporaryFolder place, FakeAuthority authority) => options with
    {
        Domain = Pebble.Domain,
        StateDir = place.Path,
        Acme = new() { Email = "", Directory = authority.Directory.AbsoluteUri },
        Listen = options.Listen with { HttpsPort = 0 },
    };

    private static Task<TunnelPair> StartAsync(Pebble pebble, string? challenge = null) => TunnelPair.StartAsync(_ => Task.CompletedTask, new PairOptions
    {
        HasAgent = false,
        Server = options => pebble.Options(options, acme => acme with { Challenge = challenge }),
    });

    private static Task WhenLoggedAsync(TunnelPair pair, string text) =>
        Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains(text, StringComparison.Ordinal)), TimeSpan.FromMinutes(1), text);

    private static async Task<X509Certificate2> ServedAsync(TunnelPair pair, X509Certificate2 root)
    {
        using SecureVisitor visitor = await SecureVisitor.ConnectAsync(pair.Server.HttpsPort!.Value, [root], Pebble.Domain);
        return X509CertificateLoader.LoadCertificate(visitor.Certificate.RawData);
    }
}
