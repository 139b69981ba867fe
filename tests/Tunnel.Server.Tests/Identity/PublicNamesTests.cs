using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class PublicNamesTests
{
    [Theory]
    [InlineData("a", true)]
    [InlineData("my-app-2", true)]
    [InlineData("", false)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData("a.b", false)]
    [InlineData("a_b", false)]
    [InlineData("A", false)]
    [InlineData("ä", false)]
    public void Label_OfThatForm_IsOne(string label, bool isOne) => PublicNames.IsLabel(label).Should().Be(isOne);

    [Fact]
    public void Label_OfMoreThan63_IsNone()
    {
        PublicNames.IsLabel(new string('a', 63)).Should().BeTrue();
        PublicNames.IsLabel(new string('a', 64)).Should().BeFalse();
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("tunnel.example.com", true)]
    [InlineData("tunnel..com", false)]
    [InlineData(".com", false)]
    [InlineData("com.", false)]
    [InlineData("", false)]
    public void HostName_OfThatForm_IsOne(string name, bool isOne) => PublicNames.IsHostName(name).Should().Be(isOne);

    [Theory]
    [InlineData("Demo", null, "demo.tunnel.com")]
    [InlineData(null, "WWW.Example.org.", "www.example.org")]
    [InlineData(null, "x.tunnel.com", "x.tunnel.com")]
    public void Name_AskedFor_IsGranted(string? subdomain, string? hostname, string name)
    {
        PublicNames.Resolve(subdomain, hostname, "tunnel.com", _ => true, out string reason).Should().Be(name);
        reason.Should().BeEmpty();
    }

    [Theory]
    [InlineData("a.b", null, "a.b")]
    [InlineData("", null, "''")]
    [InlineData("ev\u001bil", null, "ev?il")]
    [InlineData(null, "single", "single")]
    [InlineData(null, "10.0.0.1", "10.0.0.1")]
    [InlineData(null, "tunnel.com", "own domain")]
    [InlineData(null, "a b.com", "a b.com")]
    public void Name_ThatCannotBe_IsRefusedWithTheReason(string? subdomain, string? hostname, string says)
    {
        PublicNames.Resolve(subdomain, hostname, "tunnel.com", _ => false, out string reason).Should().BeNull();
        reason.Should().Contain(says).And.NotContain("\u001b");
    }

    [Fact]
    public void Name_ThatWouldBeTooLong_IsRefused()
    {
        string domain = string.Join('.', Enumerable.Repeat(new string('d', 60), 4));
        PublicNames.Resolve(new string('a', 60), null, domain, _ => false, out string reason).Should().BeNull();
        reason.Should().Contain("253");
    }

    [Fact]
    public void Name_NobodyAskedFor_IsChosenUntilOneIsFree()
    {
        int asked = 0;
        string? name = PublicNames.Resolve(null, null, "tunnel.com", _ => ++asked < 5, out _);
        asked.Should().Be(5);
        name.Should().MatchRegex("^[a-z]+-[a-z]+-[0-9]{3}\\.tunnel\\.com$");
    }
}
