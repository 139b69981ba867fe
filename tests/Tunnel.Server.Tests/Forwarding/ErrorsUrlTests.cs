using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Tests.Forwarding;

public sealed class ErrorsUrlTests
{
    [Theory]
    [InlineData("https://a.test/errors", "https://a.test/errors#too-busy")]
    [InlineData("http://a.test", "http://a.test#too-busy")]
    [InlineData("https://a.test/{code}.html", "https://a.test/too-busy.html")]
    [InlineData("https://a.test/e?c={code}&d={code}#{code}", "https://a.test/e?c=too-busy&d=too-busy#too-busy")]
    public void Url_WithOrWithoutAPlace_HasTheCode(string text, string url) => ErrorsUrl.Parse(text).Of("too-busy").Should().Be(url);

    [Theory]
    [InlineData("")]
    [InlineData("a.test/errors")]
    [InlineData("/errors")]
    [InlineData("javascript:alert(1)//{code}")]
    [InlineData("https://user:word@a.test/")]
    [InlineData("https://a.test/#here")]
    [InlineData("https://a.test/ {code}")]
    [InlineData("https://a.test/\"{code}")]
    [InlineData("https://a.test/é")]
    [InlineData("https://a.test/\r\nX: y")]
    public void Url_ThatIsNone_IsRefusedByName(string text) =>
        FluentActions.Invoking(() => ErrorsUrl.Parse(text)).Should().Throw<ArgumentException>().WithMessage("--errors-url: *");

    [Fact]
    public void Url_ThatIsEndless_IsRefused() =>
        FluentActions.Invoking(() => ErrorsUrl.Parse($"https://a.test/{new string('a', 1024)}")).Should().Throw<ArgumentException>();
}
