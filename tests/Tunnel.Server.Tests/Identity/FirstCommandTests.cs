using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class FirstCommandTests
{
    private const string Domain = "tunnel.com";
    private static readonly string Long = new('a', PublicNames.MostLabelBytes - 1);

    public static TheoryData<string[], string[], string[], string> Tokens => new()
    {
        { [], [], [], "tunnel-agent --port 8080" },
        { ["shop"], [], [], "tunnel-agent --subdomain shop --port 8080" },
        { ["a-*"], [], [], "tunnel-agent --subdomain a-demo --port 8080" },
        { [$"{Long}*"], [], [], $"tunnel-agent --subdomain {Long}x --port 8080" },
        { ["taken-*"], [], [], "tunnel-agent --subdomain taken-app --port 8080" },
        { [], ["www.example.org"], [], "tunnel-agent --hostname www.example.org --port 8080" },
        { [], ["*.example.org"], [], "tunnel-agent --hostname demo.example.org --port 8080" },
        { [], [], ["20000-20999"], "tunnel-agent --protocol tcp --remote-port 20000 --port 5432" },
    };

    [Theory]
    [MemberData(nameof(Tokens))]
    public void Command_OfAToken_IsOneItMayRun(string[] subdomains, string[] hostnames, string[] ports, string expected)
    {
        TokenRecord token = Record("one") with { Subdomains = subdomains, Hostnames = hostnames, TcpPorts = ports };
        TokenRecord other = Record("two") with { Subdomains = ["taken-demo"] };

        FirstCommand.For(new TokenSet([token, other], Domain), token, DateTimeOffset.UnixEpoch).Should().Be(expected);
    }

    [Fact]
    public void Command_OfATokenThatInheritsNames_NamesOne()
    {
        TokenRecord token = Record("one") with { Claims = ["tcp:20000", "mine.tunnel.com"] };

        FirstCommand.For(new TokenSet([token], Domain), token, DateTimeOffset.UnixEpoch).Should().Be("tunnel-agent --subdomain mine --port 8080");
    }

    /// <summary>However little room a pattern leaves.</summary>
    [Fact]
    public void Name_TheServerChoosesUnderALongPattern_IsALabel()
    {
        for (int length = 40; length < PublicNames.MostLabelBytes; length++)
        {
            TokenRecord token = Record("one") with { Subdomains = [new string('a', length) + "*"] };
            string label = NameRights.Choose(token, _ => false)!;

            PublicNames.IsLabel(label).Should().BeTrue(label);
            NamePattern.Matches(token.Subdomains[0], label).Should().BeTrue();
        }

        NameRights.Choose(Record("one") with { Subdomains = [$"{Long}*"] }, _ => true).Should().NotBeNull("a conflict then says who has it");
    }

    private static TokenRecord Record(string name) => TokenStoreTests.Wanted(name) with { Id = name };
}
