using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class NameRightsTests
{
    private const string Domain = "tunnel.com";
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("a-*", "a-b.tunnel.com", true)]
    [InlineData("a-*", "b.tunnel.com", false)]
    [InlineData("a-*", "a-.tunnel.com", false)]
    [InlineData("a-*", "x.a-b.tunnel.com", false)]
    [InlineData("a-*", "a-b.example.org", false)]
    [InlineData("demo", "demo.tunnel.com", true)]
    [InlineData("demo", "demo2.tunnel.com", false)]
    [InlineData("*", "anything.tunnel.com", true)]
    [InlineData("*", "any.thing.tunnel.com", false)]
    [InlineData("*-dev", "web-dev.tunnel.com", true)]
    public void Token_WithSubdomainPattern_MayUseWhatItCovers(string pattern, string name, bool may)
    {
        TokenRecord token = Token("one", subdomains: [pattern]);

        (Judge(token, name, token) is null).Should().Be(may);
    }

    [Theory]
    [InlineData("www.example.org", "www.example.org", true)]
    [InlineData("*.example.org", "shop.example.org", true)]
    [InlineData("*.example.org", "a.shop.example.org", false)]
    [InlineData("*.example.org", "example.org", false)]
    [InlineData("www.example.org", "www.tunnel.com", false)]
    public void Token_WithHostnamePattern_MayUseWhatItCovers(string pattern, string name, bool may)
    {
        TokenRecord token = Token("one") with { Hostnames = [pattern] };

        (Judge(token, name, token) is null).Should().Be(may);
    }

    [Theory]
    [InlineData("20000-20999", 20_500, true)]
    [InlineData("20432", 20_432, true)]
    [InlineData("20432", 20_433, false)]
    public void Token_WithPorts_MayUseThese(string range, int port, bool may)
    {
        TokenRecord token = Token("one") with { TcpPorts = [range] };
        string name = TcpName.Of(port);

        (Judge(token, name, token) is null).Should().Be(may);
        (Judge(null, name, token) is null).Should().Be(!may);
        Judge(token, "demo.tunnel.com", token).Should().NotBeNull("it has ports, and no names");
    }

    [Fact]
    public void Local_WantingAnOwnedName_IsRefused()
    {
        TokenRecord[] tokens = [Token("exact", ["demo"]), Token("star", ["a-*"]), Token("claim", claims: ["mine.tunnel.com"])];

        Judge(null, "demo.tunnel.com", tokens).Should().Contain("somebody else's token");
        Judge(null, "a-b.tunnel.com", tokens).Should().NotBeNull();
        Judge(null, "mine.tunnel.com", tokens).Should().NotBeNull();
        Judge(null, "free.tunnel.com", tokens).Should().BeNull();
    }

    /// <summary>Holder's hold, asker's hold, and whether the asker gets the name.</summary>
    [Theory]
    [InlineData("exact", "exact", true)]
    [InlineData("exact", "claim", false)]
    [InlineData("exact", "star", false)]
    [InlineData("exact", "free", false)]
    [InlineData("claim", "exact", true)]
    [InlineData("claim", "star", false)]
    [InlineData("claim", "free", false)]
    [InlineData("star", "exact", true)]
    [InlineData("star", "claim", true)]
    [InlineData("star", "star", true)]
    [InlineData("star", "free", false)]
    [InlineData("free", "free", true)]
    public void Token_AgainstAnother_GetsTheNameByTheStrongerHold(string theirs, string mine, bool gets)
    {
        TokenRecord asker = OfKind("asker", mine);

        (Judge(asker, "demo.tunnel.com", OfKind("other", theirs), asker) is null).Should().Be(gets);
    }

    [Theory]
    [InlineData("exact", "free", false)]
    [InlineData("claim", "free", false)]
    [InlineData("claim", "local", false)]
    [InlineData("claim", "star", true)]
    [InlineData("claim", "exact", true)]
    [InlineData("star", "free", false)]
    [InlineData("star", "local", false)]
    [InlineData("star", "star", true)]
    public void Name_OfDeadToken_GoesOnlyToWhoeverIsNamedForIt(string dead, string mine, bool gets)
    {
        TokenRecord asker = OfKind("asker", mine);
        TokenRecord revoked = OfKind("revoked", dead) with { Revoked = Now };
        TokenRecord expired = OfKind("expired", dead) with { Expires = Now };

        foreach (TokenRecord other in new[] { revoked, expired })
        {
            (Judge(mine == "local" ? null : asker, "demo.tunnel.com", other, asker) is null).Should().Be(gets);
        }
    }

    [Theory]
    [InlineData("www", "reserved")]
    [InlineData("admin", "reserved")]
    [InlineData("postmaster", "reserved")]
    [InlineData("xn--tunnl-7of", "not a name in punycode|looks like")]
    [InlineData("xn--tnnel-6of", "looks like 'tunnel'|mixes")]
    [InlineData("xn--", "not a name in punycode")]
    [InlineData("xn--a", "not a name in punycode")]
    public void Name_ThatMisleads_IsRefusedWithTheReason(string label, string reasons)
    {
        string? reason = Judge(null, $"{label}.tunnel.com");

        reason.Should().NotBeNull();
        reasons.Split('|').Should().Contain(part => reason!.Contains(part));
    }

    [Theory]
    [InlineData("tünnel", "tunnel")]
    [InlineData("τυηηεl", null)]
    [InlineData("аdmin", null)]
    [InlineData("ѡѡѡ", "")]
    [InlineData("ԝԝԝ", "www")]
    [InlineData("ädmin", "admin")]
    [InlineData("münchen", "")]
    [InlineData("пример", "")]
    public void Name_InAnotherAlphabet_IsJudgedByItsLooks(string label, string? looksLike)
    {
        string name = $"{new System.Globalization.IdnMapping().GetAscii(label)}.tunnel.com";

        string? reason = Judge(null, name);

        switch (looksLike)
        {
            case null:
                reason.Should().Contain("mixes");
                break;
            case "":
                reason.Should().BeNull();
                break;
            default:
                reason.Should().Contain($"looks like '{looksLike}'");
                break;
        }
    }

    [Fact]
    public void ReservedName_NamedByAToken_IsGivenAway()
    {
        TokenRecord token = Token("one", ["www"]);

        Judge(token, "www.tunnel.com", token).Should().BeNull();
        Judge(Token("two", ["*"]), "www.tunnel.com", Token("two", ["*"])).Should().NotBeNull();
    }

    [Fact]
    public void Choose_ForATokenWithPatterns_StaysWithinThem()
    {
        NameRights.Choose(Token("one", ["demo", "a-*"]), _ => false).Should().Be("demo");
        NameRights.Choose(Token("one", ["demo", "a-*"]), label => label == "demo").Should().MatchRegex("^a-[a-z]+-[a-z]+-[0-9]{3}$");
        NameRights.Choose(Token("one", ["demo"]), _ => true).Should().Be("demo", "a conflict then says who has it");
        NameRights.Choose(Token("one"), _ => false).Should().BeNull();
        NameRights.Choose(null, _ => false).Should().BeNull();
    }

    [Fact]
    public void IsClaim_OfAChosenName_IsFalse()
    {
        TokenRecord token = Token("one");
        TokenSet tokens = Set(token);

        NameRights.IsClaim(tokens, token, "demo.tunnel.com").Should().BeTrue();
        NameRights.IsClaim(tokens, token, "amber-otter-123.tunnel.com").Should().BeFalse();
        NameRights.IsClaim(tokens, Token("two", ["*"]), "demo.tunnel.com").Should().BeFalse();
    }

    private static TokenRecord OfKind(string name, string kind) => kind switch
    {
        "exact" => Token(name, ["demo"]),
        "star" => Token(name, ["d*"]),
        "claim" => Token(name, claims: ["demo.tunnel.com"]),
        _ => Token(name),
    };

    private static string? Judge(TokenRecord? who, string name, params TokenRecord[] tokens) => NameRights.Judge(Set(tokens), who, name, Now);

    private static TokenSet Set(params TokenRecord[] tokens) => new([.. tokens.DistinctBy(token => token.Id)], Domain);

    internal static TokenRecord Token(string name, string[]? subdomains = null, string[]? claims = null) => new()
    {
        Id = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(name)))[..16],
        Name = name,
        Hash = new string('0', 64),
        Created = Now,
        Subdomains = subdomains ?? [],
        Claims = claims ?? [],
    };
}
