using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>Which connection to the origin a request travels on (docs/http.md, "Connections").</summary>
public sealed class OriginConnectionTests
{
    private static readonly PairOptions Fake = new() { IsTimeFake = true };

    private static string Post(int bytes = 0) =>
        $"POST / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nContent-Length: {bytes}\r\n\r\n{new string('x', bytes)}";

    [Fact]
    public async Task Requests_OneAfterTheOther_ShareAConnection()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), Fake);
        for (int i = 0; i < 20; i++)
        {
            (await pair.GetAsync()).Text.Should().Be("x");
            await pair.WhenIdleAsync();
            (await pair.AskAsync(Post())).Text.Should().Be("x");
            await pair.WhenIdleAsync();
        }

        pair.Origin.Accepted.Count.Should().Be(1);
    }

    [Fact]
    public async Task Origin_ThatSaysClose_GetsAConnectionPerRequest()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x", "Connection: close\r\n")), Fake);
        for (int i = 1; i <= 3; i++)
        {
            (await pair.GetAsync()).Text.Should().Be("x");
            pair.Origin.Accepted.Count.Should().Be(i);
        }
    }

    [Fact]
    public async Task Get_OnAConnectionThatDiesUnderIt_IsPlayedAgain()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(DieAtTheSecondRequestAsync, Fake);
        (await pair.GetAsync()).Text.Should().Be("1");
        await pair.WhenIdleAsync();
        (await pair.GetAsync()).Text.Should().Be("2");
    }

    [Fact]
    public async Task Post_OnAConnectionThatDiesUnderIt_IsNotPlayedAgain()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(DieAtTheSecondRequestAsync, Fake);
        (await pair.GetAsync()).Text.Should().Be("1");
        await pair.WhenIdleAsync();
        (await pair.AskAsync(Post(3)))["Tunnel-Error"].Should().Be("origin-invalid");
        pair.Origin.Accepted.Count.Should().Be(1);
    }

    [Fact]
    public async Task Get_OnAConnectionThatIsFreshAndDies_IsNotPlayedAgain()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection => await connection.ReadHeadAsync(), Fake);
        (await pair.GetAsync())["Tunnel-Error"].Should().Be("origin-invalid");
        pair.Origin.Accepted.Count.Should().Be(1);
    }

    [Fact]
    public async Task Post_AfterASecondOfIdleness_TakesAConnectionOfItsOwn()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                while (await connection.ReadHeadAsync() is { } head)
                {
                    await connection.ReadBodyAsync(head);
                    await connection.WriteAsync(Talk.Ok($"{connection.Number}"));
                }
            },
            Fake);
        (await pair.GetAsync()).Text.Should().Be("1");
        await pair.WhenIdleAsync();
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        (await pair.AskAsync(Post(3))).Text.Should().Be("2");
        await pair.WhenIdleAsync();
        pair.Origin.OpenCount.Should().Be(2, "the idle one still serves requests that may be repeated");
    }

    [Theory]
    [InlineData("", 4)]
    [InlineData("Keep-Alive: timeout=2\r\n", 2)]
    public async Task Connection_ThatIsIdle_IsClosedInTime(string fields, int seconds)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x", fields)), Fake);
        await pair.GetAsync();
        await pair.WhenIdleAsync();
        pair.Time.Advance(TimeSpan.FromSeconds(seconds - 1));
        pair.Agent.Counts.Origins.Should().Be(1);
        pair.Time.Advance(TimeSpan.FromSeconds(1));
        await pair.Origin.Ended.WhenAsync(1);
        await Eventually.TrueAsync(() => pair.Agent.Counts.Origins == 0);
    }

    [Fact]
    public async Task Connection_ThatTheOriginClosedWhileIdle_IsNotUsed()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.WriteAsync(Talk.Ok($"{connection.Number}"));
            },
            Fake);
        for (int i = 1; i <= 5; i++)
        {
            (await pair.AskAsync(Post())).Text.Should().Be($"{i}");
            await pair.WhenIdleAsync();
            await pair.Origin.Ended.WhenAsync(i);
        }
    }

    private static async Task DieAtTheSecondRequestAsync(ScriptedConnection connection)
    {
        await connection.ReadHeadAsync();
        await connection.WriteAsync(Talk.Ok($"{connection.Number}"));
        if (await connection.ReadHeadAsync() is { } head)
        {
            await connection.ReadBodyAsync(head);
        }
    }
}
