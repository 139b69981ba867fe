using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class PortIndexTests
{
    private static readonly string[] Ranges = ["1-65535", "5", "5-6", "6-9", "7", "7-7", "8-8", "8-20", "10-12", "20000-20999", "20500"];

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(13)]
    [InlineData(20)]
    [InlineData(21)]
    [InlineData(20_500)]
    [InlineData(65_535)]
    public void Port_LookedUp_HasTheRangesThatContainIt(int port)
    {
        foreach (string[] ranges in new[] { Ranges, Ranges[1..], [] })
        {
            var index = new PortIndex(ranges.Select(range => (PortRange.Parse(range), range)));

            index.Find(port).Should().BeEquivalentTo(ranges.Where(range => PortRange.Parse(range).Contains(port)));
        }
    }
}
