using System.Net.Sockets;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server.Forwarding;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Raw;

/// <summary>A tunnel's own rules for addresses hold where there is no HTTP to say no with.</summary>
public sealed class RawGuardTests
{
    [Theory]
    [InlineData(null, "127.0.0.0/8")]
    [InlineData("10.0.0.0/8", null)]
    public async Task Visitor_KeptOut_IsResetAndTheOriginHearsNothing(string? allow, string? deny)
    {
        await using TunnelPair pair = await StartAsync("tcp", Guard(allow, deny));

        // The reset may come before the connection is of any use.
        Exception? end = await Record.ExceptionAsync(async () =>
        {
            using ScriptedConnection visitor = await VisitAsync(pair, "tcp");
            await visitor.ReadToEndAsync().Within();
        });

        end.Should().Match(error => error is IOException || error is SocketException);
        await pair.WhenIdleAsync();
        pair.Origin.Accepted.Count.Should().Be(0);
    }

    [Theory]
    [InlineData(null, "127.0.0.1", false)]
    [InlineData("10.0.0.0/8", null, false)]
    [InlineData("10.0.0.0/8", null, true)]
    public async Task Visitor_KeptOutOfPassthrough_GetsTheAlertAccessDeniedAndTheOriginHearsNothing(string? allow, string? deny, bool isOffline)
    {
        await using TunnelPair pair = await StartAsync("tls", Guard(allow, deny));
        if (isOffline)
        {
            await pair.Agent.StopAsync().Within();
        }

        using ScriptedConnection visitor = await VisitAsync(pair, "tls");

        (await visitor.ReadToEndAsync().Within()).Should().Equal([0x15, 3, 3, 0, 2, 2, 49]);
        await pair.WhenIdleAsync();
        pair.Origin.Accepted.Count.Should().Be(0);
    }

    [Theory]
    [InlineData("tcp", "127.0.0.0/8", null)]
    [InlineData("tcp", null, "10.0.0.0/8")]
    [InlineData("tls", "127.0.0.1", "10.0.0.0/8")]
    public async Task Visitor_LetThrough_ReachesTheOrigin(string protocol, string? allow, string? deny)
    {
        await using TunnelPair pair = await StartAsync(protocol, Guard(allow, deny));
        using ScriptedConnection visitor = await VisitAsync(pair, protocol);

        (await visitor.ReadExactlyAsync(1).Within()).Should().Equal(0x16);
    }

    [Theory]
    [InlineData("127.0.0.0/8", false)]
    [InlineData("10.0.0.0/8", true)]
    public async Task Visitor_OfANameWithoutItsAgent_WaitsOnlyIfTheRulesLetItThrough(string deny, bool waits)
    {
        await using TunnelPair pair = await StartAsync("tcp", Guard(null, deny));
        await pair.Agent.StopAsync().Within();
        Task<Exception?> end = Record.ExceptionAsync(async () =>
        {
            using ScriptedConnection visitor = await VisitAsync(pair, "tcp");
            await visitor.ReadToEndAsync();
        });

        if (waits)
        {
            await Eventually.TrueAsync(() => pair.Server.Held == 1);
            end.IsCompleted.Should().BeFalse();
            await pair.Server.StopAsync().Within();
        }

        (await end.Within()).Should().Match(error => error is IOException || error is SocketException);
        pair.Server.Held.Should().Be(0);
    }

    [Fact]
    public async Task Visitor_BehindATrustedProxy_IsJudgedByTheAddressInTheHeader()
    {
        await using TunnelPair pair = await StartAsync("tcp", Guard(null, "203.0.113.0/24"), isProxied: true);
        foreach ((string address, bool isIn) in new[] { ("203.0.113.7", false), ("198.51.100.7", true) })
        {
            using ScriptedConnection proxy = await ScriptedConnection.ConnectAsync(new Uri(pair.Forwarding.Grant!.Url).Port);
            await proxy.WriteAsync($"PROXY TCP4 {address} 192.0.2.1 40000 443\r\n");
            if (isIn)
            {
                await proxy.WriteAsync("x");
                (await proxy.ReadExactlyAsync(1).Within()).Should().Equal((byte)'x');
            }
            else
            {
                await FluentActions.Awaiting(() => proxy.ReadToEndAsync().Within()).Should().ThrowAsync<IOException>();
            }
        }

        pair.Origin.Accepted.Count.Should().Be(1);
    }

    private static TunnelGuard Guard(string? allow, string? deny) =>
        new() { Allow = allow is null ? null : [allow], Deny = deny is null ? null : [deny] };

    // The first byte of what a visitor sends is that of TLS, which both kinds take.
    private static async Task<ScriptedConnection> VisitAsync(TunnelPair pair, string protocol)
    {
        ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(
            protocol == "tls" ? pair.Server.HttpsPort!.Value : new Uri(pair.Forwarding.Grant!.Url).Port);
        await visitor.WriteAsync(HandmadeHello.For("demo.localhost"));
        return visitor;
    }

    private static Task<TunnelPair> StartAsync(string protocol, TunnelGuard guard, bool isProxied = false)
    {
        int port = FreePort.Find();
        return TunnelPair.StartAsync(
            async origin =>
            {
                while (await origin.ReadSomeAsync() is { Length: > 0 } some)
                {
                    await origin.WriteAsync(some);
                }
            },
            new PairOptions
            {
                Server = options => options with
                { Listen = options.Listen with { TcpPorts = (port, port), HttpsPort = 0 }, Front = options.Front with { AcceptsProxyProtocol = isProxied, TrustedProxies = TrustedProxies.Parse(isProxied ? "127.0.0.0/8" : null) } },
                Agent = options => options.Tunnel(tunnel => tunnel with { Protocol = protocol, Subdomain = protocol == "tcp" ? null : "demo", Guard = guard }),
            });
    }
}
