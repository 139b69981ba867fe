using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Failure;

/// <summary>Who is at fault, and what to do about it: to the visitor on the page, in full in the agent's log.</summary>
public sealed class WrongBlameTests
{
    private const string ServerLeaves = "Information: The server at ";

    // What a TLS server says to what is no ClientHello: the alert unexpected_message.
    private static readonly byte[] Alert = [0x15, 3, 1, 0, 2, 2, 10];

    [Fact]
    public async Task HttpsOrigin_SpokenToInPlain_IsNamedWithItsOption()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(Alert);
            await connection.ReadToEndAsync();
        });

        Answer answer = await pair.GetAsync();

        (answer.Status, answer["Tunnel-Error"]).Should().Be((502, "origin-invalid"));
        answer.Text.Should().Contain("speaks HTTPS").And.Contain("--local-https");
        pair.Log.Should().ContainSingle(line => line.StartsWith("Warning: The local server at http://127.0.0.1:") && line.Contains("--local-https"));
    }

    [Fact]
    public async Task LocalHost_WithoutAnAddress_IsNotToBeStarted()
    {
        // Names with an empty label are refused by the resolver itself, without a question to anybody.
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("x")), new PairOptions { Agent = options => options.Origin(origin => origin with { Host = "no..such" }) });

        Answer answer = await pair.GetAsync();

        (answer.Status, answer["Tunnel-Error"]).Should().Be((502, "origin-refused"));
        answer.Text.Should().Contain("--local-host").And.NotContain("Start it").And.NotContain("no..such", "where the origin is concerns no visitor");
        pair.Log.Should().ContainSingle(line => line.StartsWith("Warning: ") && line.Contains("The name no..such could not be resolved"));
    }

    [Fact]
    public async Task Origin_ThatSpeaksSomethingElse_IsQuotedInOneWarningForMany()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("SSH-2.0-Dropbear_2022.83\u001b\r\n");
        });

        for (int i = 0; i < 3; i++)
        {
            (await pair.GetAsync()).Status.Should().Be(502);
        }

        pair.Log.Where(line => line.StartsWith("Warning: ")).Should().ContainSingle().Which.Should().Contain("It begins with 'SSH-2.0-Dropbear_2022.83'");
    }

    [Fact]
    public async Task Origin_ThatClosesAtOnce_MayBeOneOfHttps()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection => await connection.ReadHeadAsync());

        (await pair.GetAsync()).Text.Should().Contain("--local-https");

        pair.Log.Should().ContainSingle(line => line.StartsWith("Warning: ") && line.Contains("closed the connection") && line.Contains("--local-https"));
    }

    [Fact]
    public async Task Origin_ThatIsSlow_IsNamedWithItsOption()
    {
        var asked = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                asked.Add();
                await connection.ReadToEndAsync();
            },
            new PairOptions { IsTimeFake = true });
        Task<Answer> asking = pair.GetAsync();

        // Not before: the dial has a limit too, of which a busy machine might see nothing but the end.
        await asked.WhenAsync(1);
        await pair.AdvanceUntilAsync(asking);

        (await asking).Status.Should().Be(504);

        pair.Log.Should().ContainSingle(line => line.StartsWith("Warning: ") && line.Contains("600 s (--answer-time)"));
    }

    [Fact]
    public async Task PortOfVisitors_InPlaceOfTheAgents_IsNamed()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { HasAgent = false });
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal(), options => options.Link(link => link with { Port = pair.Server.HttpPort }));

        await Eventually.TrueAsync(() => agent.Status.Reason.Contains("as a web server does", StringComparison.Ordinal));

        agent.Status.Reason.Should().Contain("port for agents").And.Contain("--server");
    }

    [Fact]
    public async Task Port_ThatSpeaksNoTls_IsNamed()
    {
        // What a token's agent meets at the port for visitors.
        await using var server = new ScriptedOrigin(async agent =>
        {
            await agent.ReadSomeAsync();
            await agent.WriteAsync("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        });

        AgentStatus status = await OfflineAsync(new AgentOptions { Link = new LinkOptions { Host = "127.0.0.1", Port = server.Port, Token = new AgentToken("0123456789abcdef", new byte[AgentToken.SecretSize], pin: new byte[AgentToken.PinSize], "127.0.0.1"), WatchesNetwork = false }, Tunnels = [new TunnelOptions { Origin = new OriginOptions { Port = 1 } }] });

        status.Reason.Should().Contain("speaks no TLS").And.Contain("port for agents");
    }

    [Fact]
    public async Task Port_ThatSaysNothing_IsNamed()
    {
        await using var server = new ScriptedOrigin(async agent => await agent.ReadToEndAsync());

        AgentStatus status = await OfflineAsync(new AgentOptions { Link = new LinkOptions { Host = "127.0.0.1", Port = server.Port, ConnectTime = TimeSpan.FromMilliseconds(500), WatchesNetwork = false }, Tunnels = [new TunnelOptions { Origin = new OriginOptions { Port = 1 } }] });

        status.Reason.Should().Contain("said nothing").And.Contain("port for agents");
    }

    [Fact]
    public async Task Localhost_OnAFreshMachine_SaysHowToNameTheServer()
    {
        var logs = new RecordingLogs();
        await using AgentHost agent = AgentHost.Start(
            new AgentOptions { Link = new LinkOptions { Port = FreePort.Find(), WatchesNetwork = false }, Tunnels = [new TunnelOptions { Origin = new OriginOptions { Port = 1 } }] }, new ForwardingSignal(), logs);

        await Eventually.TrueAsync(() => logs.Lines.Any(line => line.Contains("Offline", StringComparison.Ordinal)));

        logs.Lines.Should().Contain(line => line.Contains("tunnel-agent login") && line.Contains("--server") && line.EndsWith("[server-refused]", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Retry_IsOneLine()
    {
        var logs = new RecordingLogs();
        await using var server = new ScriptedOrigin(async agent => await agent.ReadSomeAsync());
        await using AgentHost agent = AgentHost.Start(
            new AgentOptions { Link = new LinkOptions { Host = "127.0.0.1", Port = server.Port, WatchesNetwork = false }, Tunnels = [new TunnelOptions { Origin = new OriginOptions { Port = 1 } }] }, new ForwardingSignal(), logs);

        await server.Accepted.WhenAsync(3);

        logs.Lines.Count(line => line.Contains("Connecting to", StringComparison.Ordinal)).Should().Be(1);
        logs.Lines.Count(line => line.Contains("Offline: ", StringComparison.Ordinal)).Should().BeGreaterThanOrEqualTo(2);
        logs.Lines.Should().Contain(line => line.Contains("without an answer") && line.Contains("port for agents") && line.EndsWith("[not-a-tunnel-server]", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Handover_ThatIsPlanned_IsNoWarning()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")));

        await pair.Server.StopAsync().Within();
        await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("leaves (shutdown)", StringComparison.Ordinal)));

        pair.Log.Single(line => line.Contains("leaves (shutdown)", StringComparison.Ordinal)).Should().StartWith(ServerLeaves);
    }

    private static async Task<AgentStatus> OfflineAsync(AgentOptions options)
    {
        await using AgentHost agent = AgentHost.Start(options, new ForwardingSignal(), new RecordingLogs());
        await Eventually.TrueAsync(() => agent.Status.NextTry is not null);
        return agent.Status;
    }
}
