using Tunnel.Integration.Tests.Pair;
using Tunnel.Server.Forwarding;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Failure;

/// <summary>What peers make a program hold draws on one budget; when it is full they are told so, and nobody shuts others out.</summary>
public sealed class MemoryLimitTests
{
    private const long Least = 8 * 1024 * 1024;

    /// <summary>More than fit into two thirds of that, at 64 KiB each.</summary>
    private const int Many = 100;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Requests_OfOneAddressFillTheMemory_AreTooBusyAndOthersAreAnswered(bool isServerSmall)
    {
        var asked = new Tally();
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                while (await connection.ReadHeadAsync() is { } head)
                {
                    if (head.StartsWith("GET /hang", StringComparison.Ordinal))
                    {
                        asked.Add();
                        await connection.ReadToEndAsync();
                        return;
                    }

                    await connection.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            },
            new PairOptions
            {
                Server = options => options with
                { MemoryLimit = isServerSmall ? Least : null, Front = options.Front with { TrustedProxies = TrustedProxies.Parse("127.0.0.1") } },
                Agent = options => options with { MemoryLimit = isServerSmall ? null : Least },
            });
        var hanging = new List<ScriptedConnection>();
        Answer? refusal = null;
        while (refusal is null && hanging.Count < Many)
        {
            int before = asked.Count;
            ScriptedConnection visitor = await pair.VisitAsync();
            hanging.Add(visitor);
            await visitor.WriteAsync($"GET /hang HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n");
            Task<Answer> answer = visitor.ReadAnswerAsync();
            if (await Task.WhenAny(answer, asked.WhenAsync(before + 1)).Within() == answer)
            {
                refusal = await answer;
            }
        }

        refusal.Should().NotBeNull("so many do not fit");
        (refusal!.Status, refusal["Tunnel-Error"]).Should().Be((503, "too-busy"));
        hanging.Count.Should().BeGreaterThan(Many / 4);
        (await pair.GetAsync("/", "X-Forwarded-For: 198.51.100.9\r\n")).Text.Should().Be("ok");

        hanging.ForEach(static visitor => visitor.Reset());
        await Eventually.TrueAsync(() => pair.Server.OpenStreams == 0 && pair.Agent.Counts.Streams == 0);
        (await pair.GetAsync("/", "X-Forwarded-For: 203.0.113.7\r\n")).Text.Should().Be("ok");
    }
}
