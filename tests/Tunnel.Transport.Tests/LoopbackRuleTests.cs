using System.Net;

namespace Tunnel.Transport.Tests;

public sealed class LoopbackRuleTests
{
    [Theory]
    [InlineData("127.0.0.1:1", "127.0.0.1:2", true)]
    [InlineData("127.8.8.8:1", "127.0.0.1:2", true)]
    [InlineData("[::1]:1", "[::1]:2", true)]
    [InlineData("[::ffff:127.0.0.1]:1", "127.0.0.1:2", true)]
    [InlineData("127.0.0.1:1", "192.0.2.1:2", false)]
    [InlineData("192.0.2.1:1", "127.0.0.1:2", false)]
    [InlineData("192.0.2.1:1", "192.0.2.1:2", false)]
    [InlineData("[::ffff:192.0.2.1]:1", "[::1]:2", false)]
    [InlineData("0.0.0.0:1", "127.0.0.1:2", false)]
    public void IsLocal_OfAPair_NeedsBothToBeLoopback(string local, string remote, bool expected) =>
        LoopbackRule.IsLocal(IPEndPoint.Parse(local), IPEndPoint.Parse(remote)).Should().Be(expected);

    [Fact]
    public void IsLocal_OfSomethingUnknown_IsFalse()
    {
        var loopback = new IPEndPoint(IPAddress.Loopback, 1);
        LoopbackRule.IsLocal(null, loopback).Should().BeFalse();
        LoopbackRule.IsLocal(loopback, new DnsEndPoint("localhost", 1)).Should().BeFalse();
    }
}
