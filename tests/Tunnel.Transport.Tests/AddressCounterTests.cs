using System.Net;

namespace Tunnel.Transport.Tests;

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

    [Fact]
    public void Addresses_OfOneIPv6Network_CountTogether()
    {
        var counter = new AddressCounter();
        counter.TryAdd(IPAddress.Parse("2001:db8:0:1::1"), 2).Should().BeTrue();
        counter.TryAdd(IPAddress.Parse("2001:db8:0:1:ffff::2"), 2).Should().BeTrue();

        counter.TryAdd(IPAddress.Parse("2001:db8:0:1::3"), 2).Should().BeFalse("a customer has a whole /64 to choose from");
        counter.TryAdd(IPAddress.Parse("2001:db8:0:2::1"), 2).Should().BeTrue();
        counter.CountOf(IPAddress.Parse("2001:db8:0:1::9")).Should().Be(2);
        counter.Remove(IPAddress.Parse("2001:db8:0:1:ffff::2"));
        counter.TryAdd(IPAddress.Parse("2001:db8:0:1::3"), 2).Should().BeTrue();
    }

    [Fact]
    public void Addresses_OfIPv4InIPv6Clothes_CountAsWhatTheyAre()
    {
        var counter = new AddressCounter();
        counter.TryAdd(IPAddress.Parse("192.0.2.1"), 1).Should().BeTrue();
        counter.TryAdd(IPAddress.Parse("::ffff:192.0.2.1"), 1).Should().BeFalse();
        counter.TryAdd(IPAddress.Parse("::ffff:192.0.2.2"), 1).Should().BeTrue();
    }
}
