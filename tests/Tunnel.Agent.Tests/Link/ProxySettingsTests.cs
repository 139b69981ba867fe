using Tunnel.Agent.Link;

namespace Tunnel.Agent.Tests.Link;

public sealed class ProxySettingsTests
{
    [Theory]
    [InlineData("http://proxy:3128", "proxy", 3128, false)]
    [InlineData("proxy:3128", "proxy", 3128, false)]
    [InlineData("http://proxy", "proxy", 80, false)]
    [InlineData("https://proxy", "proxy", 443, true)]
    [InlineData("http://10.0.0.1:8080/", "10.0.0.1", 8080, false)]
    [InlineData("http://user:pa%40ss@proxy:3128", "proxy", 3128, false)]
    public void Proxy_AsTheVariableNamesIt_IsRead(string text, string host, int port, bool isEncrypted)
    {
        HttpProxy? proxy = HttpProxy.Parse(text, out _);

        proxy!.Host.Should().Be(host);
        proxy.Port.Should().Be(port);
        proxy.IsEncrypted.Should().Be(isEncrypted);
        proxy.ToString().Should().NotContain("pa");
    }

    [Theory]
    [InlineData("http://")]
    [InlineData("http://user:secret@")]
    [InlineData("http://proxy:port")]
    [InlineData("http://proxy:99999")]
    [InlineData("http://proxy/path?user:secret")]
    [InlineData("socks5://user:secret@proxy:1080")]
    public void Proxy_OfAnotherForm_IsRefusedWithoutItsCredentials(string text)
    {
        HttpProxy.Parse(text, out string fault).Should().BeNull();

        fault.Should().NotBeEmpty().And.NotContain("secret");
    }

    [Theory]
    [InlineData("tunnel.com", "", false)]
    [InlineData("tunnel.com", "*", true)]
    [InlineData("tunnel.com", "tunnel.com", true)]
    [InlineData("tunnel.com", ".tunnel.com", true)]
    [InlineData("a.tunnel.com", "tunnel.com", true)]
    [InlineData("A.Tunnel.COM", "tunnel.com", true)]
    [InlineData("nottunnel.com", "tunnel.com", false)]
    [InlineData("tunnel.com", "example.org, tunnel.com", true)]
    [InlineData("tunnel.com", "tunnel.com:9090", true)]
    [InlineData("tunnel.com", "tunnel.com:443", false)]
    [InlineData("10.1.2.3", "10.0.0.0/8", true)]
    [InlineData("11.1.2.3", "10.0.0.0/8", false)]
    [InlineData("10.1.2.3", "10.1.2.3", true)]
    [InlineData("2001:db8::1", "2001:db8::/32", true)]
    [InlineData("110.1.2.3", "0.1.2.3", false)]
    [InlineData("localhost", "", true)]
    [InlineData("demo.localhost", "", true)]
    [InlineData("127.0.0.1", "", true)]
    [InlineData("::1", "", true)]
    public void Host_OnTheList_IsReachedWithoutTheProxy(string host, string list, bool isExempt) =>
        ProxySettings.IsExempt(host, 9090, list).Should().Be(isExempt);

    [Fact]
    public void Environment_WithBothSpellings_IsReadInSmallLettersFirst()
    {
        var variables = new Dictionary<string, string?> { ["https_proxy"] = "http://small:1", ["HTTPS_PROXY"] = "http://big:2" };

        ProxySettings.For("tunnel.com", 9090, variables.GetValueOrDefault)!.Host.Should().Be("small");
        variables["https_proxy"] = " ";
        ProxySettings.For("tunnel.com", 9090, variables.GetValueOrDefault)!.Host.Should().Be("big");
        variables["NO_PROXY"] = "tunnel.com";
        ProxySettings.For("tunnel.com", 9090, variables.GetValueOrDefault).Should().BeNull();
    }

    [Fact]
    public void Environment_ThatCannotBeRead_NamesTheVariable()
    {
        Action read = () => ProxySettings.For("tunnel.com", 9090, name => name == "HTTPS_PROXY" ? "ftp://u:secret@p" : null);

        read.Should().Throw<ArgumentException>().Which.Message.Should().StartWith("HTTPS_PROXY").And.NotContain("secret");
    }
}
