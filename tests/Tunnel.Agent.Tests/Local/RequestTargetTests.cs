using System.Buffers;
using System.Text;
using Tunnel.Agent.Local;

namespace Tunnel.Agent.Tests.Local;

public sealed class RequestTargetTests
{
    [Theory]
    [InlineData("/api", "/api", true)]
    [InlineData("/api/", "/api", true)]
    [InlineData("/api/x?y", "/api", true)]
    [InlineData("/api?x=/", "/api", true)]
    [InlineData("/apis", "/api", false)]
    [InlineData("/ap", "/api", false)]
    [InlineData("/API", "/api", false)]
    [InlineData("*", "/api", false)]
    [InlineData("//api", "/api", false)]
    public void Target_IsBelowAPath(string target, string prefix, bool isBelow) =>
        RequestTarget.IsBelow(new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(target)), prefix).Should().Be(isBelow);
}
