using System.Buffers;
using BenchmarkDotNet.Attributes;
using Tunnel.Http.Heads;
using Tunnel.Transport.Buffers;

namespace Tunnel.Benchmarks.Http;

/// <summary>Heads as they come from a load generator, a browser and an origin: read, judged, and let go of.</summary>
[MemoryDiagnoser]
public class HeadParserBenchmarks
{
    private readonly RequestHeadParser _requests = new(HttpLimits.Default);
    private readonly ResponseHeadParser _responses = new(HttpLimits.Default);
    private RequestHead _request = null!;
    private ResponseHead _response = null!;
    private ReadOnlySequence<byte> _small;
    private ReadOnlySequence<byte> _browser;
    private ReadOnlySequence<byte> _answer;

    [GlobalSetup]
    public void Setup()
    {
        var pool = new BlockPool();
        _request = new RequestHead(pool);
        _response = new ResponseHead(pool);
        _small = new ReadOnlySequence<byte>(SampleHeads.Small);
        _browser = new ReadOnlySequence<byte>(SampleHeads.Browser);
        _answer = new ReadOnlySequence<byte>(SampleHeads.Answer);
    }

    [Benchmark]
    public int SmallRequest() => Parse(_small);

    [Benchmark]
    public int BrowserRequest() => Parse(_browser);

    [Benchmark]
    public int Response()
    {
        Require(_responses.Parse(_answer, _response, RequestMethod.Get, out _, out _));
        int fields = _response.Headers.Count;
        _response.Reset();
        return fields;
    }

    private int Parse(in ReadOnlySequence<byte> bytes)
    {
        Require(_requests.Parse(bytes, _request, out _, out _));
        int fields = _request.Headers.Count;
        _request.Reset();
        return fields;
    }

    private static void Require(ParseOutcome outcome)
    {
        if (outcome != ParseOutcome.Complete)
        {
            throw new InvalidOperationException($"The head was not taken: {outcome}.");
        }
    }
}
