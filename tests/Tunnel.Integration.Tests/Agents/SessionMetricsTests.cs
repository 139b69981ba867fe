using System.Diagnostics.Metrics;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>What the operator can see of a session: requests sent to it, and broken off by whom.</summary>
public sealed class SessionMetricsTests
{
    [Fact]
    public async Task Session_InTheMetrics_HasAnAccountOfItsOwn()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("x")), new PairOptions
            {
                HasAgent = false,
                Server = options => options with { Waiting = options.Waiting with { ResumeWindow = TimeSpan.Zero } },
            });
        OddAgent agent = await OddAgent.ConnectAsync(pair.Server.AgentPort, "odd");
        string get = "GET / HTTP/1.1\r\nHost: odd.localhost\r\n\r\n";
        for (int i = 0; i < 3; i++)
        {
            using ScriptedConnection refused = await pair.VisitAsync();
            await refused.WriteAsync(get);
            await agent.Peer.SendResetAsync(await agent.NextRequestAsync(), 3, "because");
            (await refused.ReadAnswerAsync().Within()).Status.Should().Be(502);
        }

        using (ScriptedConnection leaves = await pair.VisitAsync())
        {
            await leaves.WriteAsync(get);
            await agent.NextRequestAsync();
            leaves.Reset();
            await agent.Peer.ExpectAsync(Framing.Frames.FrameKind.Reset);
        }

        string address = agent.Address;
        Read("opened", address).Should().Be(4);
        Read("reset_by_agent", address).Should().Be(3);
        Read("reset_by_edge", address).Should().Be(1);
        await agent.KillAsync();
        await Eventually.TrueAsync(() => pair.Server.Counts.Agents == 0);
        Read("opened", address).Should().BeNull();
    }

    // Other servers of this process have meters of the same name; the agent's address tells them apart.
    private static long? Read(string name, string address)
    {
        long? value = null;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == "Tunnel.Server" && instrument.Name == $"tunnel.server.session_streams.{name}")
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, measurement, tags, _) =>
        {
            if (tags[0].Value as string == address)
            {
                value = measurement;
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return value;
    }
}
