using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;
using Xunit.Abstractions;

namespace Tunnel.Integration.Tests.Cost;

/// <summary>Runs alone: what is counted is the whole process.</summary>
[CollectionDefinition(nameof(RequestCostTests), DisableParallelization = true)]
public sealed class RequestCostCollection;

/// <summary>
/// The allocation budget of a small request through both programs. Visitor and origin are blocking sockets on threads of
/// their own, which allocate nothing.
/// </summary>
[Collection(nameof(RequestCostTests))]
public sealed class RequestCostTests(ITestOutputHelper output)
{
#if DEBUG
    // The compiler makes every asynchronous method's state an object there.
    private const int MostPerRequest = 5_000;
#else
    // Measured: 453, what the users of a stream hold of it for one life.
    private const int MostPerRequest = 520;
#endif

    [Fact]
    public async Task SmallRequest_OnKeptConnections_AllocatesWithinTheBudget()
    {
        using var origin = new BlockingOrigin();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            _ => Task.CompletedTask,
            new PairOptions { Agent = options => options.Origin(local => local with { Port = origin.Port }) });

        long least = long.MaxValue;
        var visiting = new Thread(() => least = Visit(pair.Server.HttpPort)) { IsBackground = true };
        visiting.Start();
        await Task.Run(visiting.Join).Within();
        output.WriteLine($"{least} bytes allocated per small request, server and agent together");
        least.Should().BeLessThan(MostPerRequest);
    }

    // The least of some rounds: the runtime's own housekeeping comes on top now and then, and code that it has not compiled for
    // good yet makes objects of its own.
    private static long Visit(int port)
    {
        const int Requests = 1_000;
        using var visitor = new BlockingVisitor(port);
        long least = long.MaxValue;
        for (int round = 0; round < 16; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Requests; i++)
            {
                visitor.Ask();
            }

            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / Requests);
        }

        return least;
    }
}
