using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class PatternIndexTests
{
    private static readonly string[] Patterns =
    [
        "*.tunnel.com", "a-*.tunnel.com", "*-dev.tunnel.com", "a-*-dev.tunnel.com", "*.example.org", "x.*.example.org", "a*b.example.org",
        "team-*.tunnel.com", "*m.tunnel.com",
    ];

    /// <summary>Names around every edge: nothing in the star's place, a dot there, the two ends overlapping.</summary>
    [Theory]
    [InlineData("demo.tunnel.com")]
    [InlineData(".tunnel.com")]
    [InlineData("tunnel.com")]
    [InlineData("a-.tunnel.com")]
    [InlineData("a-b.tunnel.com")]
    [InlineData("a-b.c.tunnel.com")]
    [InlineData("a-dev.tunnel.com")]
    [InlineData("a-b-dev.tunnel.com")]
    [InlineData("-dev.tunnel.com")]
    [InlineData("team-red.tunnel.com")]
    [InlineData("m.tunnel.com")]
    [InlineData("mm.tunnel.com")]
    [InlineData("ab.example.org")]
    [InlineData("aab.example.org")]
    [InlineData("x.y.example.org")]
    [InlineData("x..example.org")]
    [InlineData("x.y.z.example.org")]
    [InlineData("com")]
    [InlineData("")]
    public void Name_LookedUp_HasThePatternsThatMatchIt(string name)
    {
        var index = new PatternIndex(Patterns.Select(pattern => (pattern, pattern)));

        index.Find(name).Should().BeEquivalentTo(Patterns.Where(pattern => NamePattern.Matches(pattern, name)));
    }

    [Fact]
    public void Pattern_OfSeveralTokens_FindsThemAll()
    {
        var index = new PatternIndex([("*.tunnel.com", "one"), ("*.tunnel.com", "two"), ("a*.tunnel.com", "three")]);

        index.Find("demo.tunnel.com").Should().BeEquivalentTo("one", "two");
    }
}
