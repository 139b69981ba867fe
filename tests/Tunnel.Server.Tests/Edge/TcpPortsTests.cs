using System.Buffers;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Server.Edge;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Routing;
using Tunnel.Transport;

namespace Tunnel.Server.Tests.Edge;

public sealed class TcpPortsTests
{
    private static readonly TimeSpan Hung = TimeSpan.FromSeconds(30);

    /// <summary>The way through a large range is long, and others have ports to open and to close meanwhile.</summary>
    [Fact]
    public async Task Search_ForAFreePort_HoldsUpNobodyAndLeavesOutTheServersOwn()
    {
        var time = new FakeTimeProvider();
        await using var clock = new DeadlineClock(time);
        using var registry = new TunnelRegistry(new WaitingLimits(), _ => false, time, clock);
        await using var ports = new TcpPorts(Services(registry, time, clock), protocols: null!, _ => throw new InvalidOperationException("none may be had"), new HashSet<int> { 20_001 });
        var judged = new List<string>();

        string? name = ports.Open(
            wanted: null,
            candidate =>
            {
                judged.Add(candidate);
                var other = new Thread(() => _ = ports.Count);
                other.Start();
                other.Join(Hung).Should().BeTrue("nobody waits for the search");
                return "It is somebody else's.";
            },
            out string reason);

        name.Should().BeNull();
        reason.Should().Be("It is somebody else's.");
        judged.Should().BeEquivalentTo("tcp:20000", "tcp:20002", "tcp:20003");
        ports.Open(20_001, _ => null, out reason).Should().BeNull();
        reason.Should().Contain("the server itself");
    }

    // Nobody comes, so most of it is not asked for.
    private static EdgeServices Services(TunnelRegistry registry, TimeProvider time, DeadlineClock clock)
    {
        var forwarding = new ForwardingServices
        {
            Options = new ServerOptions { Listen = new ListenOptions { TcpPorts = (20_000, 20_003) } },
            Registry = registry,
            Pool = MemoryPool<byte>.Shared,
            Time = time,
            Clock = clock,
            Rules = null!,
            Memory = null!,
            Date = null!,
            Metrics = null!,
            AccessLog = null,
            Log = NullLogger.Instance,
        };
        return new EdgeServices(forwarding)
        {
            Exchanges = null!,
            Census = null!,
            Sockets = null!,
            Http2 = null!,
            Parting = null!,
        };
    }
}
