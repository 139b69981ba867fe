using System.Buffers;
using BenchmarkDotNet.Attributes;
using Tunnel.Http.Heads;
using Tunnel.Transport.Buffers;

namespace Tunnel.Benchmarks.Http;

/// <summary>Heads that were read, cleaned of what concerns one connection and written anew, as the edge does it.</summary>
[MemoryDiagnoser]
public class HeadWriterBenchmarks
{
    private readonly RequestHeadParser _requests = new(HttpLimits.Default);
    private readonly ResponseHeadParser _responses = new(HttpLimits.Default);
    private readonly ArrayBufferWriter<byte> _output = new(16 * 1024);
    private readonly RequestHead _request = new(new BlockPool());
    private readonly ResponseHead _response = new(new BlockPool());
    private ReadOnlySequence<byte> _browser;
    private ReadOnlySequence<byte> _answer;

    [GlobalSetup]
    public void Setup()
    {
        _browser = new ReadOnlySequence<byte>(SampleHeads.Browser);
        _answer = new ReadOnlySequence<byte>(SampleHeads.Answer);
    }

    [Benchmark]
    public int BrowserRequest()
    {
        _requests.Parse(_browser, _request, out _, out _);
        HopByHop.Remove(_request.Headers);
        _output.ResetWrittenCount();
        var writer = new HeadWriter(_output);
        writer.RequestLine(_request);
        writer.Fields(_request.Headers);
        writer.Framing(_request.Framing);
        writer.Field(KnownHeader.XForwardedFor, "203.0.113.7"u8);
        writer.Field(KnownHeader.XForwardedProto, "https"u8);
        writer.End();
        _request.Reset();
        return _output.WrittenCount;
    }

    [Benchmark]
    public int Response()
    {
        _responses.Parse(_answer, _response, RequestMethod.Get, out _, out _);
        HopByHop.Remove(_response.Headers);
        _output.ResetWrittenCount();
        var writer = new HeadWriter(_output);
        writer.StatusLine(_response);
        writer.Fields(_response.Headers);
        writer.Framing(_response.Framing);
        writer.End();
        _response.Reset();
        return _output.WrittenCount;
    }
}
