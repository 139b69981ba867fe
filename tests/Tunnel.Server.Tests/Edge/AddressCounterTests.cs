using System.Net;
using Tunnel.Server.Edge;

namespace Tunnel.Server.Tests.Edge;

public sealed class AddressCounterTests
{
    [Fact]
    public void Address_AtItsLimit_IsTurnedAway_UntilOneLeaves()
    {
        var counter = new AddressCounter();
        IPAddress one = IPAddress.Parse("192.0.2.1");
        IPAddress other = IPAddress.Parse("192.0.2.2");
        counter.TryAdd(one, 2).Should().BeTrue();
        counter.TryAdd(one, 2).Should().BeTrue();
        counter.TryAdd(one, 2).Should().BeFalse();
        counter.TryAdd(other, 2).Should().BeTrue();
        counter.Remove(one);
        counter.TryAdd(one, 2).Should().BeTrue();
        counter.TryAdd(one, 2).Should().BeFalse("the refused one was not counted");
    }

    [Fact]
    public void Address_WithoutConnections_BeginsAtZeroAgain()
    {
        var counter = new AddressCounter();
        for (int i = 0; i < 10; i++)
        {
            counter.TryAdd(IPAddress.Loopback, 1).Should().BeTrue();
            counter.Remove(IPAddress.Loopback);
        }
    }
}
