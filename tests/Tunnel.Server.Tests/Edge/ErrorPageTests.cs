using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
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
    [InlineData("Accept: text/html, application/json\r\n", false)]
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
    public void Page_ForHead_HasTheLengthAndNoBody() =>
        Write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", EdgeError.TunnelNotFound, keepAlive: true)
            .Should().Contain("Content-Length: ").And.EndWith("\r\n\r\n");

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

    private static string Write(string request, EdgeError error, bool keepAlive)
    {
        var head = new RequestHead(MemoryPool<byte>.Shared);
        new RequestHeadParser(HttpLimits.Default)
            .Parse(new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(request)), head, out _, out _).Should().Be(ParseOutcome.Complete);
        using var stream = new MemoryStream();
        PipeWriter output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        ErrorPage.Write(output, error, head, "id", keepAlive);
        output.Complete();
        head.Reset();
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
