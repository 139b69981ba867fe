using System.Net;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Tests.Forwarding;

public sealed class TrustedProxiesTests
{
    [Theory]
    [InlineData("10.0.0.0/8", "10.200.3.4", true)]
    [InlineData("10.0.0.0/8", "11.0.0.1", false)]
    [InlineData("192.0.2.1", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("2001:db8::/32, ::1", "2001:db8:1::5", true)]
    [InlineData("2001:db8::/32, ::1", "::1", true)]
    [InlineData("10.0.0.0/8", "::ffff:10.1.1.1", true)]
    [InlineData("::ffff:10.0.0.0/104", "10.9.9.9", true)]
    [InlineData("::ffff:10.0.0.0/104", "11.0.0.1", false)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", true)]
    [InlineData("::ffff:192.0.2.0/120", "::ffff:192.0.2.9", true)]
    [InlineData("", "127.0.0.1", false)]
    public void Contains_AddressAndNetworks_AsListed(string list, string address, bool expected) =>
        TrustedProxies.Parse(list).Contains(IPAddress.Parse(address)).Should().Be(expected);

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("proxy.example.org")]
    [InlineData("10.0.0.0/8, 1")]
    [InlineData("010.0.0.0/8")]
    [InlineData("10.0.0.010")]
    [InlineData("0x0a.0.0.1")]
    [InlineData("10.0.0.0/08")]
    [InlineData("10.0/16")]
    [InlineData("::ffff:010.0.0.1")]
    [InlineData("fe80::1%eth0")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0.0/8;11.0.0.0/8")]
    public void Parse_WhatIsNoNetwork_NamesIt(string list) =>
        FluentActions.Invoking(() => TrustedProxies.Parse(list)).Should().Throw<ArgumentException>().WithMessage("--trusted-proxy: '*");

    [Theory]
    [InlineData("", "10.0.0.1")]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("198.51.100.1|203.0.113.7", "203.0.113.7")]
    [InlineData("198.51.100.1|10.0.0.9", "198.51.100.1")]
    [InlineData("10.0.0.8|10.0.0.9", "10.0.0.8")]
    [InlineData("198.51.100.1|unknown|10.0.0.9", "10.0.0.9")]
    [InlineData("198.51.100.1|", "10.0.0.1")]
    [InlineData("198.51.100.1:4711", "198.51.100.1")]
    [InlineData("[2001:db8::5]:4711", "2001:db8::5")]
    [InlineData("\"[2001:db8::5]\"", "2001:db8::5")]
    [InlineData("2001:db8::5", "2001:db8::5")]
    [InlineData("::ffff:198.51.100.1", "198.51.100.1")]
    [InlineData("1", "10.0.0.1")]
    [InlineData("0313.0.113.7", "10.0.0.1")]
    [InlineData("203.0.113.07", "10.0.0.1")]
    [InlineData("0xcb.0.113.7", "10.0.0.1")]
    [InlineData("fe80::1%1", "10.0.0.1")]
    [InlineData("203.0.113.7 evil", "10.0.0.1")]
    public void FindVisitor_ChainOfHops_IsTheRightmostThatIsNotTrusted(string hops, string expected) =>
        TrustedProxies.Parse("10.0.0.0/8")
            .FindVisitor(IPAddress.Parse("10.0.0.1"), hops.Length == 0 ? [] : hops.Split('|'), out _)
            .Should().Be(IPAddress.Parse(expected));

    [Fact]
    public void FindVisitor_EndlessChain_IsNotWalkedToItsEnd()
    {
        string[] hops = [.. Enumerable.Repeat("10.0.0.2", 1000).Prepend("203.0.113.7")];

        TrustedProxies.Parse("10.0.0.0/8").FindVisitor(IPAddress.Parse("10.0.0.1"), hops, out _).Should().Be(IPAddress.Parse("10.0.0.2"));
    }
}
