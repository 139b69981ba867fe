using Tunnel.Hosting.Options;

namespace Tunnel.Hosting.Tests.Options;

public sealed class NearestWordTests
{
    private static readonly string[] Known = ["port", "origin", "protocol", "host-header", "subdomain"];

    [Theory]
    [InlineData("prot", "port")]
    [InlineData("hostheader", "host-header")]
    [InlineData("Subdomain", "subdomain")]
    [InlineData("sudomain", "subdomain")]
    [InlineData("protcol", "protocol")]
    [InlineData("elephant", null)]
    [InlineData("", null)]
    public void Word_IsTheOneThatWasMeant(string given, string? meant) => NearestWord.Of(given, Known).Should().Be(meant);

    [Fact]
    public void Word_ThatIsEndless_IsNotCompared() => NearestWord.Of(new string('a', 100_000), Known).Should().BeNull();
}
