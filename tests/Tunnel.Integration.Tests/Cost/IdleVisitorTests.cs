using System.Net;
using System.Net.Sockets;
using System.Text;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;
using Xunit.Abstractions;

namespace Tunnel.Integration.Tests.Cost;

/// <summary>What the objects of a visitor take that asked once and stays. Visitors are blocking sockets, made before the first look.</summary>
[Collection(nameof(RequestCostTests))]
public sealed class IdleVisitorTests(ITestOutputHelper output)
{
    private const int Visitors = 400;

    // Measured, not optimised: 2,940 with what the visitor's own socket keeps, and each asynchronous method's state an object of its own.
    private const int MostPerVisitor = 3_300;

    private static readonly byte[] Request = "GET / HTTP/1.1\r\nHost: demo.localhost\r\n\r\n"u8.ToArray();

    [Fact]
    public async Task IdleVisitor_AtRest_HoldsLittle()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                while (true)
                {
                    await connection.ReadHeadAsync();
                    await connection.WriteAsync("HTTP/1.1 204 No Content\r\n\r\n");
                }
            },
            new PairOptions { IsTimeFake = true });
        Socket[] visitors = [.. Enumerable.Range(0, Visitors + 1).Select(
            _ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 })];
        byte[] answer = new byte[4096];
        Visit(visitors[Visitors], pair.Server.HttpPort, answer);
        visitors[Visitors].Dispose();
        LetRest(pair);
        long before = Held();
        for (int i = 0; i < Visitors; i++)
        {
            Visit(visitors[i], pair.Server.HttpPort, answer);
        }

        // Those that come to rest do so on threads of the pool, each when it gets there.
        LetRest(pair);
        long each = long.MaxValue;
        await Eventually.TrueAsync(() => (each = Math.Min(each, (Held() - before) / Visitors)) < MostPerVisitor);
        output.WriteLine($"{each} bytes for each idle visitor");

        // Rest has cost them nothing else.
        foreach (Socket visitor in visitors[..Visitors])
        {
            Ask(visitor, answer);
            visitor.Dispose();
        }
    }

    private static void Visit(Socket visitor, int port, byte[] answer)
    {
        visitor.Connect(IPAddress.Loopback, port);
        Ask(visitor, answer);
    }

    private static void Ask(Socket visitor, byte[] answer)
    {
        visitor.Send(Request);
        int filled = 0;
        while (!answer.AsSpan(0, filled).EndsWith("\r\n\r\n"u8))
        {
            int some = visitor.Receive(answer.AsSpan(filled));
            some.Should().BePositive();
            filled += some;
        }

        Encoding.ASCII.GetString(answer, 0, filled).Should().StartWith("HTTP/1.1 204");
    }

    // A second at a time, so that who has just begun to wait comes to rest as well.
    private static void LetRest(TunnelPair pair)
    {
        for (int second = 0; second < 8; second++)
        {
            pair.Time.Advance(TimeSpan.FromSeconds(1));
            Held();
        }
    }

    private static long Held() => GC.GetTotalMemory(forceFullCollection: true);
}
