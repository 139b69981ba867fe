using System.Buffers;
using System.Text;
using Tunnel.Http.Heads;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Tests.Forwarding;

public sealed class PageKindTests
{
    private const string Chrome = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n";
    private const string Navigation = Chrome + "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

    [Theory]
    [InlineData("", nameof(PageKind.Text))]
    [InlineData("Accept: */*\r\n", nameof(PageKind.Text))]
    [InlineData("Accept: text/*\r\n", nameof(PageKind.Text))]
    [InlineData("Accept: application/json\r\n", nameof(PageKind.Json))]
    [InlineData("Accept: application/json, text/html\r\n", nameof(PageKind.Json))]
    [InlineData("Accept: text/plain, text/html\r\n", nameof(PageKind.Text))]
    [InlineData(Chrome, nameof(PageKind.Html))]
    [InlineData("Accept: TEXT/HTML\r\n", nameof(PageKind.Html))]
    [InlineData("Accept: text/html, application/json\r\n", nameof(PageKind.Html))]
    [InlineData("Accept: text/html;level=1;q=0.5, text/plain;q=0.5\r\n", nameof(PageKind.Html))]
    [InlineData("Accept: text/html; q=0.4, application/json; q=0.5\r\n", nameof(PageKind.Text))]
    [InlineData("Accept: text/html\r\nAccept: application/json;Q=0.9\r\n", nameof(PageKind.Html))]
    [InlineData("Accept: text/html;q=0.4\r\nAccept: text/html, text/plain\r\n", nameof(PageKind.Text))]
    [InlineData("Accept: text/html;q=0\r\n", nameof(PageKind.Text))]
    [InlineData("Accept: text/html;q=soon\r\n", nameof(PageKind.Html))]
    [InlineData(Chrome + "Sec-Fetch-Dest: document\r\n", nameof(PageKind.Html))]
    [InlineData(Chrome + "Sec-Fetch-Dest: empty\r\n", nameof(PageKind.Text))]
    [InlineData(Chrome + "Sec-Fetch-Dest: iframe\r\n", nameof(PageKind.Text))]
    [InlineData("Accept: application/json\r\nSec-Fetch-Dest: document\r\n", nameof(PageKind.Json))]
    public void Kind_IsWhatAcceptNamesFirst_AndAPageForWindowsAlone(string fields, string kind) =>
        With($"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n", head => PageKinds.Of(head.Headers)).ToString().Should().Be(kind);

    [Theory]
    [InlineData("GET", Navigation, true)]
    [InlineData("GET", Chrome, false)]
    [InlineData("GET", Chrome + "Sec-Fetch-Dest: document\r\n", false)]
    [InlineData("GET", Chrome + "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n", false)]
    [InlineData("GET", Chrome + "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: document\r\n", false)]
    [InlineData("GET", "Accept: */*\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n", false)]
    [InlineData("GET", Navigation + "Content-Length: 1\r\n", false)]
    [InlineData("HEAD", Navigation, false)]
    [InlineData("POST", Navigation + "Content-Length: 0\r\n", false)]
    public void Navigation_IsAGetForAWindowAndNothingElse(string method, string fields, bool isOne) =>
        With($"{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n", PageKinds.IsNavigation).Should().Be(isOne);

    private static T With<T>(string request, Func<RequestHead, T> judge)
    {
        var head = new RequestHead(MemoryPool<byte>.Shared);
        new RequestHeadParser(HttpLimits.Default)
            .Parse(new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(request)), head, out _, out _).Should().Be(ParseOutcome.Complete);
        T result = judge(head);
        head.Reset();
        return result;
    }
}
