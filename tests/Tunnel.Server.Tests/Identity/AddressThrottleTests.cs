using System.Net;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class AddressThrottleTests
{
    private static readonly IPAddress Attacker = IPAddress.Parse("203.0.113.7");
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void Address_AfterItsTries_MayNotTryUntilItGetsMore()
    {
        var throttle = new AddressThrottle(_clock);
        for (int i = 0; i < AddressThrottle.AtOnce; i++)
        {
            throttle.MayTry(Attacker).Should().BeTrue();
            throttle.Failed(Attacker);
        }

        throttle.MayTry(Attacker).Should().BeFalse();
        throttle.MayTry(IPAddress.Parse("203.0.113.8")).Should().BeTrue("nobody else is locked out");
        _clock.Advance(AddressThrottle.Supply);
        throttle.MayTry(Attacker).Should().BeTrue();
        throttle.Failed(Attacker);
        throttle.MayTry(Attacker).Should().BeFalse();
    }

    [Fact]
    public void Ipv6Addresses_OfOneNetwork_CountTogether()
    {
        var throttle = new AddressThrottle(_clock);
        for (int i = 0; i < AddressThrottle.AtOnce; i++)
        {
            throttle.Failed(IPAddress.Parse($"2001:db8:1:2::{i:x}"));
        }

        throttle.MayTry(IPAddress.Parse("2001:db8:1:2:ffff::1")).Should().BeFalse();
        throttle.MayTry(IPAddress.Parse("2001:db8:1:3::1")).Should().BeTrue();
        throttle.Count.Should().Be(1);
    }

    [Fact]
    public void Loopback_IsNeverHeldBack()
    {
        var throttle = new AddressThrottle(_clock);
        for (int i = 0; i < 100; i++)
        {
            throttle.Failed(IPAddress.Loopback);
        }

        throttle.MayTry(IPAddress.Loopback).Should().BeTrue("a relay on this machine speaks for many");
    }

    [Fact]
    public void Memory_UnderAddressesWithoutEnd_IsBounded()
    {
        var throttle = new AddressThrottle(_clock);
        byte[] address = new byte[4];
        for (int i = 0; i < AddressThrottle.MostAddresses * 3; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(address, 0x0A00_0000 + i);
            throttle.Failed(new IPAddress(address));
        }

        throttle.Count.Should().BeLessThanOrEqualTo(AddressThrottle.MostAddresses);
    }

    [Fact]
    public void Address_ThatKeepsQuiet_IsForgotten()
    {
        var throttle = new AddressThrottle(_clock);
        throttle.Failed(Attacker);
        _clock.Advance(AddressThrottle.Memory);

        throttle.Failed(IPAddress.Parse("203.0.113.8"));

        throttle.Count.Should().Be(1);
    }
}
