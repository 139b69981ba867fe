using System.Buffers;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Cost;

public class AllocationTests
{
    private static readonly byte[] RequestBytes = Verdict.Bytes.GetBytes(
        "POST /some/path?query=1 HTTP/1.1\r\nHost: Demo.Tunnel.com:8080\r\nUser-Agent: test\r\nAccept: */*\r\n"
        + "Connection: keep-alive, X-Once\r\nX-Once: 1\r\nX_Real_IP: 1\r\nCookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n");

    private static readonly byte[] ResponseBytes = Verdict.Bytes.GetBytes(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n\r\n");

    private static readonly byte[] BodyBytes = Verdict.Bytes.GetBytes("5;a=b\r\nhello\r\n0\r\nDigest: x\r\n\r\n");

    private readonly CountingPool _pool = new();
    private readonly ArrayBufferWriter<byte> _output = new(64 * 1024);
    private readonly RequestHeadParser _requests = new(HttpLimits.Default);
    private readonly ResponseHeadParser _responses = new(HttpLimits.Default);
    private readonly BodyWriter _bodies = new();

    [Fact]
    public void Exchange_InSteadyState_AllocatesNothing()
    {
        var request = new RequestHead(_pool);
        var response = new ResponseHead(_pool);
        var reader = new BodyReader(_pool, HttpLimits.Default);
        var whole = new ReadOnlySequence<byte>(RequestBytes);
        var cut = Pieces.Of(RequestBytes, 0, RequestBytes.Length, [10, 60, 61, 100]);
        for (var warmUp = 0; warmUp < 200; warmUp++)
        {
            Exchange(whole, request, response, reader);
            Exchange(cut, request, response, reader);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < 1000; round++)
        {
            Exchange(whole, request, response, reader);
            Exchange(cut, request, response, reader);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);
        _pool.Outstanding.Should().Be(0);
    }

    private void Exchange(
        in ReadOnlySequence<byte> requestBytes, RequestHead request, ResponseHead response, BodyReader reader)
    {
        _output.ResetWrittenCount();
        Require(_requests.Parse(requestBytes, request, out _, out _) == ParseOutcome.Complete);
        HopByHop.Remove(request.Headers);
        request.Headers.RemoveAliases();
        var writer = new HeadWriter(_output);
        writer.RequestLine(request);
        writer.Fields(request.Headers);
        writer.Field(KnownHeader.Via, "1.1 tunnel"u8);
        writer.Framing(request.Framing);
        writer.End();
        reader.Start(request.Framing);
        _bodies.Start(request.Framing);
        var rest = new ReadOnlySequence<byte>(BodyBytes);
        while (reader.Read(rest, out var content, out var consumed, out _) == BodyOutcome.Content)
        {
            _bodies.Write(_output, content);
            rest = rest.Slice(consumed);
        }

        Require(reader.IsComplete);
        _bodies.End(_output, reader.Trailers);
        Require(_responses.Parse(
            new ReadOnlySequence<byte>(ResponseBytes), response, request.Method, out _, out _) == ParseOutcome.Complete);
        HopByHop.Remove(response.Headers);
        writer = new HeadWriter(_output);
        writer.StatusLine(response);
        writer.Fields(response.Headers);
        writer.Framing(response.Framing);
        writer.End();
        request.Reset();
        response.Reset();
        reader.Reset();
    }

    private static void Require(bool holds)
    {
        if (!holds)
        {
            throw new InvalidOperationException("The exchange went wrong.");
        }
    }
}
