using Tunnel.Agent;
using Tunnel.Agent.Connection;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Encrypted;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server;
using Tunnel.Server.Identity;
using Tunnel.Server.Routing;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Identity;

/// <summary>Agents that come in where visitors do, because their networks let nothing else out.</summary>
public sealed class HttpsPortTests : IDisposable
{
    private readonly CertificateFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Agent_AtTheHttpsPort_ServesVisitorsOfTheSamePort(bool isPinned)
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo");
        await using TunnelPair pair = await StartAsync(tokens);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Host = "localhost", Port = pair.Server.HttpsPort!.Value, Token = token, CaFile = isPinned ? null : _files.WriteAuthority() }));
        await forwarding.Times.WhenAsync(1);

        using (SecureVisitor visitor = await SecureVisitor.ConnectAsync(pair.Server.HttpsPort!.Value, _files.Authority, TunnelPair.Name))
        {
            (await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n\r\n")).Should().StartWith("HTTP/1.1 200");
        }
    }

    [Fact]
    public async Task LocalAgent_AtTheHttpsPort_NeedsATokenLikeAnybody()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        await using TunnelPair pair = await StartAsync(tokens);
        await using AgentHost agent = pair.StartAgent(new ForwardingSignal(), options => options.Link(link => link with { Host = "localhost", Port = pair.Server.HttpsPort!.Value, CaFile = _files.WriteAuthority() }));

        (await agent.Exited.Within()).Should().Be(AgentExit.TokenRefused);
    }

    [Fact]
    public async Task Token_OfAServerWithHttps_LeadsToThatPort()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        await using (TunnelPair pair = await StartAsync(tokens))
        {
            ServerNote.Read(tokens.State.Folder)!.Port.Should().Be(pair.Server.HttpsPort);
        }

        await using (await StartAsync(tokens, options => options with { Front = options.Front with { PublicUrl = PublicUrl.TryParse("https://localhost:8443") } }))
        {
            ServerNote.Read(tokens.State.Folder)!.Port.Should().Be(8443, "that is where visitors come in, whatever the server listens on");
        }

        await using TunnelPair plain = await StartAsync(tokens, options => options with { Listen = options.Listen with { HttpsPort = null }, Tls = options.Tls with { Certs = [], Keys = [] } });
        ServerNote.Read(tokens.State.Folder)!.Port.Should().Be(plain.Server.AgentPort);
    }

    private Task<TunnelPair> StartAsync(TokenFolder tokens, Func<ServerOptions, ServerOptions>? change = null)
    {
        (string cert, string key) = _files.Write("server", "localhost", TunnelPair.Name);
        return TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            HasAgent = false,
            Server = options =>
            {
                options = options with { Listen = options.Listen with { HttpsPort = 0 }, Tls = options.Tls with { Certs = [cert], Keys = [key] } };
                return change?.Invoke(options) ?? options;
            },
        });
    }
}
