using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;
using Tunnel.Server.Edge;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Tests.Edge;

public sealed class ErrorPageTests
{
    [Theory]
    [InlineData("", false)]
    [InlineData("Accept: */*\r\n", false)]
    [InlineData("Accept: text/html;q=0.5, application/json\r\n", false)]
    [InlineData("Accept: application/json, text/plain\r\n", true)]
    [InlineData("Accept: image/png, Application/JSON;q=0.9\r\n", true)]
    [InlineData("Accept: image/png\r\nAccept: application/problem+json\r\n", true)]
    public void Page_AsAcceptAsks_IsTextOrJson(string fields, bool isJson)
    {
        string page = Write($"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n", EdgeError.OriginRefused, keepAlive: true);
        string body = page[(page.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        page.Should().StartWith("HTTP/1.1 502 Bad Gateway\r\n")
            .And.Contain("\r\nTunnel-Error: origin-refused\r\n")
            .And.Contain("\r\nCache-Control: no-store\r\n")
            .And.Contain($"\r\nContent-Length: {body.Length}\r\n")
            .And.NotContain("\r\nConnection:").And.NotContain("Retry-After");
        if (isJson)
        {
            JsonElement json = JsonDocument.Parse(body).RootElement;
            json.GetProperty("error").GetString().Should().Be("origin-refused");
            json.GetProperty("requestId").GetString().Should().Be("id");
            page.Should().Contain("Content-Type: application/json\r\n");
        }
        else
        {
            body.Should().StartWith("502 Bad Gateway\n").And.Contain("Code: origin-refused").And.Contain("Request: id");
        }
    }

    [Fact]
    public void Page_ForABrowser_IsHtmlThatMayDoNothing()
    {
        string page = Write("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n", EdgeError.SessionLost, keepAlive: true);
        page.Should().Contain("\r\nContent-Type: text/html; charset=utf-8\r\n").And.Contain("\r\nTunnel-Error: session-lost\r\n")
            .And.Contain("\r\nCache-Control: no-store\r\n").And.Contain("\r\nX-Content-Type-Options: nosniff\r\n")
            .And.NotContain("\r\nRefresh:").And.NotContain("<script").And.NotContain("style=\"").And.NotContain("href=").And.NotContain("src=");
        string policy = Regex.Match(page, "Content-Security-Policy: (.*)\r\n").Groups[1].Value;
        policy.Should().StartWith("default-src 'none'; style-src 'sha256-").And.Contain("frame-ancestors 'none'").And.NotContain("unsafe").And.Contain("script-src 'none'");
        string style = Regex.Match(page, "<style>(.*)</style>", RegexOptions.Singleline).Groups[1].Value;
        style.Should().Contain("prefers-color-scheme:dark").And.NotContain("url(").And.NotContain("@import");
        policy.Should().Contain($"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)))}'");
        page.Should().Contain("""<li class="good">Server<b>works</b></li><li class="bad">Agent<b>lost</b></li><li class="">Local server<b>not reached</b></li>""");
    }

    [Theory]
    [InlineData("http://a/\"><script>alert(1)</script>")]
    [InlineData("https://a.test/'onload='x&amp;")]
    public void Page_WithSomethingHostile_ShowsItAsText(string hostile)
    {
        string page = Write("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n", EdgeError.HttpsRequired(hostile), keepAlive: true);
        string body = page[(page.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        body.Should().NotContain(hostile).And.NotContain("<script").And.NotContain("'on").And.Contain(System.Net.WebUtility.HtmlEncode(hostile));
        page.Should().Contain($"Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n");
    }

    [Theory]
    [InlineData("text/html", "<a href=\"https://a.test/e#origin-timeout\">")]
    [InlineData("text/plain", "\nHelp: https://a.test/e#origin-timeout\n")]
    [InlineData("application/json", "\"help\":\"https://a.test/e#origin-timeout\"")]
    public void Page_OfAServerWithErrorsUrl_LinksToTheCode(string accept, string link)
    {
        string request = $"GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n";
        Write(request, EdgeError.OriginTimeout, keepAlive: true, ErrorsUrl.Parse("https://a.test/e")).Should().Contain(link);
        Write(request, EdgeError.OriginTimeout, keepAlive: true).Should().NotContain("elp").And.NotContain("https://a.test");
    }

    [Theory]
    [InlineData("text/html", "<title>tunnel-server</title>")]
    [InlineData("text/plain", "200 OK\n\nA tunnel-server runs here.")]
    [InlineData("application/json", "{\"status\":200,\"message\":\"A tunnel-server runs here.")]
    public void Page_OfTheDomain_IsNoError(string accept, string text) =>
        Write($"GET / HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n", EdgeError.Landing, keepAlive: true, ErrorsUrl.Parse("https://a.test/e"))
            .Should().StartWith("HTTP/1.1 200 OK\r\n").And.Contain(text).And.NotContain("Tunnel-Error").And.NotContain("Code").And.NotContain("a.test");

    /// <summary>Where the address has a fragment, a Refresh would only look for the place in the page that is there.</summary>
    [Fact]
    public void Page_ForABrowserThatWaits_LoadsAgainByItsHead_AndByAScriptWhereThatDoesNot()
    {
        string page = Write("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n", EdgeError.AgentAway, keepAlive: true);
        page.Should().StartWith("HTTP/1.1 503 ").And.Contain("\r\nRefresh: 2\r\n").And.Contain("\r\nRetry-After: 2\r\n")
            .And.Contain("\r\nTunnel-Error: agent-offline\r\n").And.Contain("progressbar");
        string script = Regex.Matches(page, "<script>(.*)</script>").Should().ContainSingle().Which.Groups[1].Value;
        script.Should().StartWith("if(location.hash)");
        page.Should().Contain($"script-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(script)))}';");
    }

    [Fact]
    public void Page_ForHead_HasTheLengthAndNoBody() =>
        Write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", EdgeError.TunnelNotFound, keepAlive: true)
            .Should().Contain("Content-Length: ").And.EndWith("\r\n\r\n");

    [Fact]
    public void Page_ForHeadOfABrowser_HasTheHeadOfThePage()
    {
        const string Fields = "HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n";
        string page = Write($"GET / {Fields}", EdgeError.TunnelNotFound, keepAlive: true);
        Write($"HEAD / {Fields}", EdgeError.TunnelNotFound, keepAlive: true).Should().Be(page[..(page.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)]);
    }

    [Theory]
    [InlineData("1.1", true, null)]
    [InlineData("1.1", false, "close")]
    [InlineData("1.0", true, "keep-alive")]
    [InlineData("1.0", false, "close")]
    public void Page_OnAConnection_SaysWhetherItGoesOn(string version, bool keepAlive, string? connection)
    {
        string page = Write($"GET / HTTP/{version}\r\nHost: a\r\n\r\n", EdgeError.AgentOffline, keepAlive);
        page.Should().Contain("Retry-After: 5\r\n");
        if (connection is null)
        {
            page.Should().NotContain("Connection:");
        }
        else
        {
            page.Should().Contain($"Connection: {connection}\r\n");
        }
    }

    [Theory]
    [InlineData(ResetCode.OriginRefused, "origin-refused", 502)]
    [InlineData(ResetCode.OriginInvalid, "origin-invalid", 502)]
    [InlineData(ResetCode.OriginTimeout, "origin-timeout", 504)]
    [InlineData(ResetCode.OriginReset, "origin-invalid", 502)]
    [InlineData(ResetCode.TooBusy, "too-busy", 503)]
    [InlineData(ResetCode.NotProcessed, "too-busy", 503)]
    [InlineData(ResetCode.TunnelUnknown, "tunnel-not-found", 404)]
    [InlineData(ResetCode.SessionLost, "session-lost", 502)]
    [InlineData(ResetCode.InternalError, "origin-invalid", 502)]
    public void Reset_OfAStream_IsAnErrorOfTheTable(ResetCode code, string error, int status)
    {
        EdgeError edge = EdgeError.Of(code);
        edge.Code.Should().Be(error);
        edge.Status.Should().Be(status);
        edge.Says.Should().NotBeEmpty();
    }

    private static string Write(string request, EdgeError error, bool keepAlive, ErrorsUrl? errors = null)
    {
        var head = new RequestHead(MemoryPool<byte>.Shared);
        new RequestHeadParser(HttpLimits.Default)
            .Parse(new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(request)), head, out _, out _).Should().Be(ParseOutcome.Complete);
        using var stream = new MemoryStream();
        PipeWriter output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        ErrorPage.Write(output, error, head, "id", keepAlive, hsts: null, errors);
        output.Complete();
        head.Reset();
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
