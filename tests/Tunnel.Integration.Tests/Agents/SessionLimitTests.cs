using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>An identity that has all the sessions it may have.</summary>
public sealed class SessionLimitTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Agent_StartedAgainAtTheLimit_IsWelcomedAtOnce(bool wasNoticed)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions
        {
            HasAgent = false,
            Server = options => options with { Agents = options.Agents with { MaxSessionsPerIdentity = 2 } },
        });
        await using OddAgent beside = await OddAgent.ConnectAsync(pair.Server.AgentPort, "beside", new string('b', 32));
        await using OddAgent killed = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        if (wasNoticed)
        {
            await killed.KillAsync();
            await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("is disconnected", StringComparison.Ordinal)));
        }

        await using OddAgent again = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");

        await using OddAgent third = await OddAgent.DialAsync(pair.Server.AgentPort);
        await third.HelloAsync($$"""{"version":1,"instance":"{{new string('c', 32)}}"}""");
        (await third.Peer.ExpectAsync(FrameKind.Reject)).Text.Should().Contain(RejectCodes.TooManySessions);
        await Eventually.TrueAsync(() => pair.Server.Counts is { Agents: 2, Names: 2 });
    }
}
