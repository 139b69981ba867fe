using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Encrypted;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Identity;

/// <summary>
/// A wildcard certificate covers a name whose owner wants passthrough: its visitors must not be shown that certificate, nor
/// heard, while nobody serves the name.
/// </summary>
public sealed class PassthroughMemoryTests : IDisposable
{
    private readonly CertificateFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Name_OfAToken_IsNotTerminatedWhileItsAgentIsAway_AlsoAfterARestart()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        await using TunnelPair pair = await StartAsync(tokens, options => options.Tunnel(tunnel => tunnel with { Protocol = "tls" }).Link(link => link with { Token = token }));

        await pair.Agent.StopAsync().Within();
        await AssertIsNotTerminatedAsync(pair);
        await pair.RestartServerAsync();
        await AssertIsNotTerminatedAsync(pair);
        (await pair.GetAsync()).Status.Should().Be(421, "by HTTPS only, whether its agent is there or not");
    }

    [Fact]
    public async Task Name_ThatItsTokenServesAsHttpSince_IsTerminated()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop");
        await using TunnelPair pair = await StartAsync(tokens, options => options.Tunnel(tunnel => tunnel with { Protocol = "tls" }).Link(link => link with { Token = token }));
        await pair.Agent.StopAsync().Within();
        await AssertIsNotTerminatedAsync(pair);

        var forwarding = new ForwardingSignal();
        await using (AgentHost agent = pair.StartAgent(forwarding, options => options.Tunnel(tunnel => tunnel with { Protocol = "http" })))
        {
            await forwarding.Times.WhenAsync(1);
            await agent.StopAsync().Within();
        }

        (await AskAsync(pair)).Should().StartWith("HTTP/1.1 503");
    }

    [Fact]
    public async Task Name_OfNobody_IsForgotten()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        await using TunnelPair pair = await StartAsync(tokens, options => options.Tunnel(tunnel => tunnel with { Protocol = "tls" }));
        await pair.Agent.StopAsync().Within();

        (await AskAsync(pair)).Should().StartWith("HTTP/1.1 404");
    }

    [Fact]
    public async Task Name_OfARevokedToken_IsStillNotTerminated()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        await using TunnelPair pair = await StartAsync(tokens, options => options.Tunnel(tunnel => tunnel with { Protocol = "tls" }).Link(link => link with { Token = token }));

        await tokens.RevokeAsync("laptop");
        (await pair.Agent.Exited.Within()).Should().Be(AgentExit.TokenRefused);

        (await HelloAsync(pair)).Should().Equal([0x15, 3, 3, 0, 2, 2, 112], "it is nobody's at the moment");
    }

    private static async Task AssertIsNotTerminatedAsync(TunnelPair pair) =>
        (await HelloAsync(pair)).Should().Equal([0x15, 3, 3, 0, 2, 2, 80]);

    private static async Task<byte[]> HelloAsync(TunnelPair pair)
    {
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
        await visitor.WriteAsync(HandmadeHello.For(TunnelPair.Name));
        return await visitor.ReadToEndAsync().Within();
    }

    private async Task<string> AskAsync(TunnelPair pair)
    {
        using SecureVisitor visitor = await SecureVisitor.ConnectAsync(pair.Server.HttpsPort!.Value, _files.Authority, TunnelPair.Name);
        return await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n");
    }

    // Names are forgotten at once, and nobody waits.
    private Task<TunnelPair> StartAsync(TokenFolder tokens, Func<AgentOptions, AgentOptions> agent)
    {
        (string cert, string key) = _files.Write("wildcard", "*.localhost", TunnelPair.Name);
        return TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            Server = options => options with { Listen = options.Listen with { HttpsPort = 0 }, Tls = options.Tls with { Certs = [cert], Keys = [key] }, Waiting = options.Waiting with { Hold = TimeSpan.Zero, NameMemory = TimeSpan.Zero } },
            Agent = agent,
        });
    }
}
