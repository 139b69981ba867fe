using System.Globalization;
using Tunnel.Integration.Tests.Pair;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>What an intermediary owes the messages it passes on: hops counted, a date on every answer.</summary>
public sealed class LastHopTests
{
    [Theory]
    [InlineData("OPTIONS")]
    [InlineData("TRACE")]
    public async Task MaxForwards_UsedUp_EndsHere(string method)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")));
        Answer answer = await pair.AskAsync($"{method} / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nMax-Forwards: 0\r\n\r\n");
        answer.Status.Should().Be(501);
        answer["Tunnel-Error"].Should().Be("request-rejected");
        pair.Origin.Accepted.Count.Should().Be(0);
    }

    [Theory]
    [InlineData("OPTIONS", "5", "4")]
    [InlineData("TRACE", "1", "0")]
    [InlineData("GET", "0", "0")]
    public async Task MaxForwards_NotUsedUp_IsCountedDownWhereItCounts(string method, string sent, string seen)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin((head, _) => Talk.Ok(head)));
        Answer answer = await pair.AskAsync($"{method} / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nMax-Forwards: {sent}\r\n\r\n");
        answer.Text.Fields("Max-Forwards").Should().Equal(seen);
    }

    [Fact]
    public async Task Answer_WithoutADate_GetsOne()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { IsTimeFake = true });
        string? date = (await pair.GetAsync())["Date"];
        DateTimeOffset.ParseExact(date!, "R", CultureInfo.InvariantCulture)
            .Should().BeCloseTo(pair.Time.GetUtcNow(), TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Answer_WithADate_KeepsIt()
    {
        const string Date = "Tue, 15 Nov 1994 08:12:31 GMT";
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x", $"Date: {Date}\r\n")));
        (await pair.GetAsync())["Date"].Should().Be(Date);
    }
}
