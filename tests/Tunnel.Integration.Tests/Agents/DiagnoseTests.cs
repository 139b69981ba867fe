using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Tunnel.Agent;
using Tunnel.Agent.Diagnose;
using Tunnel.Agent.Identity;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Identity;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary><c>tunnel-agent diagnose</c>: what it finds, of what it takes nothing, and what it does not tell. That nothing is left behind, the pair checks.</summary>
public sealed class DiagnoseTests
{
    private static readonly Func<ScriptedConnection, Task> Hello = Talk.Origin(Talk.Ok("hello"));

    /// <summary>What is wrong, the step that finds it, and the code.</summary>
    private static readonly Dictionary<string, (string Step, KnownError Error, Func<TunnelPair, AgentOptions, AgentOptions> Change)> Situations = new()
    {
        ["no such server"] = ("dns", AgentErrors.ServerNameUnresolved, (_, options) => options.Link(link => link with { Host = "nowhere.invalid" })),
        ["wrong port"] = ("connection", AgentErrors.ServerRefused, (_, options) => options.Link(link => link with { Port = FreePort.Find() })),
        ["the visitors' port"] = ("server", AgentErrors.NotATunnelServer, (pair, options) => options.Link(link => link with { Port = pair.Server.HttpPort })),
        ["a proxy that is not there"] = (
            "proxy", AgentErrors.ProxyUnreachable, (_, options) => options.Link(link => link with { Proxy = HttpProxy.Parse($"http://127.0.0.1:{FreePort.Find()}", out string _) })),
        ["a proxy that is none"] = (
            "proxy", AgentErrors.ProxyRefused, (pair, options) => options.Link(link => link with { Proxy = HttpProxy.Parse($"http://127.0.0.1:{pair.Server.HttpPort}", out string _) })),
        ["a reserved name"] = ("name", AgentErrors.NameRefused, (_, options) => options.Tunnel(tunnel => tunnel with { Subdomain = "-" })),
        ["dead origin"] = ("origin", VisitorErrors.OriginRefused, (_, options) => options.Origin(origin => origin with { Port = FreePort.Find() })),
        ["origin without an address"] = ("origin", AgentErrors.OriginUnreachable, (_, options) => options.Origin(origin => origin with { Host = "nowhere.invalid" })),
        ["plain origin with --local-https"] = ("origin", AgentErrors.OriginTlsFailed, (_, options) => options.Origin(origin => origin with { IsHttps = true })),
    };

    public static TheoryData<string> AllSituations() => [.. Situations.Keys];

    [Theory]
    [MemberData(nameof(AllSituations))]
    public async Task Situation_IsFoundByItsStep_AndTheRestIsSaidToBeWell(string what)
    {
        (string step, KnownError error, Func<TunnelPair, AgentOptions, AgentOptions> change) = Situations[what];
        await using TunnelPair pair = await TunnelPair.StartAsync(Hello, new PairOptions { HasAgent = false });

        IReadOnlyList<DiagnosisStep> steps = await LookAsync(pair, options => change(pair, options));

        DiagnosisStep failed = steps.First(one => one.Verdict == StepVerdict.Failed);
        failed.Id.Should().Be(step);
        failed.Errors.Should().Equal(error);
        string page = string.Join('\n', steps.Select(DiagnosisPage.Of));
        page.Split('\n').Should().OnlyContain(line => line.Length < 80);
        page.Should().Contain($"[{error.Code}]").And.Contain("Next: ");
        DiagnosisPage.Summary(steps).Should().Contain($"Begin with the first: {failed.Title}.");
    }

    [Fact]
    public async Task GoodSetUp_IsWellInEveryStep()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Hello, new PairOptions { HasAgent = false });

        IReadOnlyList<DiagnosisStep> steps = await LookAsync(pair, request: request => request with { IsIdleAsked = true, QuietTimes = [TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(60)] });

        steps.Select(step => step.Id).Should().Equal(
            "configuration", "dns", "proxy", "connection", "encryption", "server", "clock", "round-trip", "name", "public-name", "outside", "throughput", "idle", "origin");
        steps.Where(step => step.Verdict != StepVerdict.Skipped).Should().OnlyContain(step => step.Verdict == StepVerdict.Ok);
        steps.Where(step => step.Verdict == StepVerdict.Skipped).Select(step => step.Id).Should().Equal("dns", "proxy");
        Says(steps, "name").Should().Contain("http://demo.localhost").And.Contain("free");
        Says(steps, "outside").Should().Contain("came back to here");
        Says(steps, "throughput").Should().MatchRegex(@"to visitors \d+\.\d mib/s, from visitors \d+\.\d mib/s");
        Says(steps, "clock").Should().Contain("the same as the server's").And.NotContain("certificate", "the server tells its time");
        Says(steps, "origin").Should().Contain("http/1.1").And.Contain("200");
        pair.Origin.Accepted.Count.Should().Be(2, "the origin is asked what it speaks, and nothing else: what came from outside came to the diagnosis itself");
    }

    [Fact]
    public async Task NameOfARunningAgent_StaysItsOwn_AttachedOrNot()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Hello, new PairOptions { HasAgent = false });
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost running = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);

        IReadOnlyList<DiagnosisStep> attached = await LookAsync(pair);
        (await pair.GetAsync()).Text.Should().Be("hello");
        relay.Close();
        await Eventually.TrueAsync(() => running.Status.State != Agent.Connection.AgentState.Connected, what: "the link is lost");
        IReadOnlyList<DiagnosisStep> detached = await LookAsync(pair);
        relay.Open();
        running.Poke();

        foreach (IReadOnlyList<DiagnosisStep> steps in (IReadOnlyList<DiagnosisStep>[])[attached, detached])
        {
            steps.Single(step => step.Id == "name").Verdict.Should().Be(StepVerdict.Ok);
            Says(steps, "name").Should().Contain("in use by your running agent");
            steps.Single(step => step.Id == "outside").Verdict.Should().Be(StepVerdict.Ok, "another name serves for that");
        }

        (await pair.GetAsync()).Text.Should().Be("hello");
        forwarding.Times.Count.Should().Be(1, "it never lost its name");
    }

    [Fact]
    public async Task Token_IsJudgedAsAnAgentsIs()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        AgentToken wrongPin = new(token.Id, new byte[AgentToken.SecretSize], new byte[AgentToken.PinSize], token.Server);
        await using TunnelPair pair = await TunnelPair.StartAsync(Hello, new PairOptions { HasAgent = false, State = tokens.State });

        IReadOnlyList<DiagnosisStep> good = await LookAsync(pair, options => options.Link(link => link with { Token = token }));
        good.Where(step => step.Verdict != StepVerdict.Skipped).Should().OnlyContain(step => step.Verdict == StepVerdict.Ok);
        Says(good, "encryption").Should().Contain("tls 1.").And.Contain("the one that the token names");
        Says(good, "outside").Should().Contain("came back to here", "the token may use one name, and that is free");

        IReadOnlyList<DiagnosisStep> elsewhere = await LookAsync(
            pair, options => options.Link(link => link with { Token = token }).Tunnel(tunnel => tunnel with { Subdomain = "other" }));
        Failure(elsewhere).Should().Be(("name", "name-refused"));

        Failure(await LookAsync(pair, options => options.Link(link => link with { Token = wrongPin }))).Should().Be(("encryption", "server-key-differs"));

        await tokens.RevokeAsync("laptop");
        await Eventually.TrueAsync(() => tokens.State.Tokens.Current.All.Single().Revoked is not null, what: "the server knows");
        IReadOnlyList<DiagnosisStep> revoked = await LookAsync(pair, options => options.Link(link => link with { Token = token }));
        Failure(revoked).Should().Be(("server", "token-revoked"));
        Says(revoked, "clock").Should().Contain("the same as the server's", "a refusal tells the time too");
    }

    [Fact]
    public async Task HttpsOrigin_SpokenToWithout_IsTold()
    {
        using var authority = new TestAuthority();
        using X509Certificate2 certificate = authority.Issue("127.0.0.1");
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await using var tls = new SslStream(new NetworkStream(connection.Socket, ownsSocket: false));
                await Record.ExceptionAsync(() => tls.AuthenticateAsServerAsync(certificate));
            },
            new PairOptions { HasAgent = false });

        Failure(await LookAsync(pair)).Should().Be(("origin", "origin-speaks-tls"));
        Failure(await LookAsync(pair, options => options.Origin(origin => origin with { IsHttps = true }))).Should().Be(("origin", "origin-tls-failed"), "nobody vouches for it");
    }

    [Theory]
    [InlineData("", "origin-invalid", "closed the connection")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", "origin-invalid", "ssh-2.0")]
    public async Task Origin_ThatSpeaksSomethingElse_IsTold(string greeting, string code, string says)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(connection => connection.WriteAsync(greeting), new PairOptions { HasAgent = false });

        IReadOnlyList<DiagnosisStep> steps = await LookAsync(pair);

        Failure(steps).Should().Be(("origin", code));
        Says(steps, "origin").Should().Contain(says);
    }

    [Fact]
    public async Task Origin_WithHttp2WithoutTls_IsToldBesideItsHttp1()
    {
        byte[] settings = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                string? head = await connection.ReadHeadAsync();
                await (head?.StartsWith("PRI", StringComparison.Ordinal) == true ? connection.WriteAsync(settings) : connection.WriteAsync(Talk.Ok("hello")));
            },
            new PairOptions { HasAgent = false });

        Says(await LookAsync(pair), "origin").Should().Contain("http/1.1, and http/2 without tls (h2c)");
    }

    [Fact]
    public async Task Json_SaysTheSame()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Hello, new PairOptions { HasAgent = false });
        IReadOnlyList<DiagnosisStep> steps = await LookAsync(pair, options => options.Origin(origin => origin with { Port = FreePort.Find() }));

        using JsonDocument json = JsonDocument.Parse(DiagnosisPage.Json("127.0.0.1:9090", steps));

        json.RootElement.GetProperty("ok").GetBoolean().Should().BeFalse();
        json.RootElement.GetProperty("server").GetString().Should().Be("127.0.0.1:9090");
        JsonElement[] told = [.. json.RootElement.GetProperty("steps").EnumerateArray()];
        told.Select(step => step.GetProperty("step").GetString()).Should().Equal(steps.Select(step => step.Id));
        JsonElement origin = told[^1];
        origin.GetProperty("verdict").GetString().Should().Be("failed");
        origin.GetProperty("milliseconds").GetDouble().Should().BePositive();
        JsonElement error = origin.GetProperty("errors").EnumerateArray().Single();
        error.GetProperty("code").GetString().Should().Be("origin-refused");
        error.GetProperty("party").GetString().Should().Be("origin");
        error.GetProperty("next").GetString().Should().Be(VisitorErrors.OriginRefused.NextStep);
    }

    [Fact]
    public async Task Bundle_HasWhatHelps_AndNoSecret()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        await using TunnelPair pair = await TunnelPair.StartAsync(Hello, new PairOptions { HasAgent = false, State = tokens.State });
        var log = new RecentLines(TimeProvider.System);
        DiagnosisRequest request = Request(
            pair,
            options => options
                .Link(link => link with { Token = token, TokenText = token.Reveal(), Proxy = HttpProxy.Parse($"http://user:proxypass@127.0.0.1:{FreePort.Find()}", out string _) })
                .Tunnel(tunnel => tunnel with { Access = new AccessOptions { Passwords = ["anna:hunter22"] } }));
        request = request with { Token = new FoundToken(token, IsStored: false, Warning: "--token can be seen.") { From = "--token" } };
        var diagnosis = new Diagnosis(request, _ => Task.CompletedTask, log, TimeProvider.System);
        await diagnosis.RunAsync(CancellationToken.None).Within();
        LoggerExtensions.LogInformation(log, "Somebody wrote {Secret} into a line.", token.Credential);

        string bundle = DiagnosisBundle.Of(request, diagnosis.Steps, log.Lines);

        bundle.Should().Contain("== options").And.Contain("token: (given, not shown)").And.Contain("basic-auth: (given, not shown)").And.Contain("subdomain: demo")
            .And.Contain("proxy-unreachable").And.Contain("Somebody wrote (secret) into a line.").And.Contain(token.Id).And.Contain("tunnel-agent/");
        foreach (string secret in (string[])[token.Reveal(), token.Credential, token.Credential.Split('.')[1], "hunter22", "proxypass", "Authorization"])
        {
            bundle.Should().NotContain(secret);
        }
    }

    [Fact]
    public async Task Cancelled_EndsAtOnce_AndLeavesNothing()
    {
        var asked = new TaskCompletionSource();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                asked.TrySetResult();
                await connection.ReadToEndAsync();
            },
            new PairOptions { HasAgent = false });
        using var stop = new CancellationTokenSource();
        var diagnosis = new Diagnosis(Request(pair), _ => Task.CompletedTask, NullLogger.Instance, TimeProvider.System);

        Task<bool> running = diagnosis.RunAsync(stop.Token);
        await asked.Task.Within();
        await stop.CancelAsync();

        await FluentActions.Awaiting(() => running.Within()).Should().ThrowAsync<OperationCanceledException>();
    }

    private static async Task<IReadOnlyList<DiagnosisStep>> LookAsync(
        TunnelPair pair, Func<AgentOptions, AgentOptions>? change = null, Func<DiagnosisRequest, DiagnosisRequest>? request = null)
    {
        var told = new List<DiagnosisStep>();
        DiagnosisRequest asked = Request(pair, change);
        var diagnosis = new Diagnosis(
            request is null ? asked : request(asked),
            step =>
            {
                told.Add(step);
                return Task.CompletedTask;
            },
            NullLogger.Instance,
            TimeProvider.System);
        bool isWell = await diagnosis.RunAsync(CancellationToken.None).Within();
        isWell.Should().Be(told.All(step => step.Verdict != StepVerdict.Failed));
        return told;
    }

    private static DiagnosisRequest Request(TunnelPair pair, Func<AgentOptions, AgentOptions>? change = null)
    {
        var options = new AgentOptions
        {
            Link = new LinkOptions { Host = "127.0.0.1", Port = pair.Server.AgentPort, WatchesNetwork = false },
            Tunnels = [new TunnelOptions { Subdomain = "demo", Origin = new OriginOptions { Host = "127.0.0.1", Port = pair.Origin.Port } }],
        };
        return new DiagnosisRequest(change is null ? options : change(options));
    }

    // In small letters, so that a sentence may begin with it.
    private static string Says(IReadOnlyList<DiagnosisStep> steps, string id) => string.Join(' ', steps.Single(step => step.Id == id).Says).ToLowerInvariant();

    private static (string Step, string Code) Failure(IReadOnlyList<DiagnosisStep> steps)
    {
        DiagnosisStep failed = steps.First(step => step.Verdict == StepVerdict.Failed);
        return (failed.Id, failed.Errors.Single().Code);
    }
}
