using System.Buffers;
using BenchmarkDotNet.Attributes;
using Tunnel.Http.Heads;
using Tunnel.Transport.Buffers;

namespace Tunnel.Benchmarks.Http;

/// <summary>Heads as they come from a load generator, a browser and an origin: read, judged, and let go of.</summary>
[MemoryDiagnoser]
public class HeadParserBenchmarks
{
    private static readonly byte[] Small = "GET /1k HTTP/1.1\r\nHost: demo.localhost:8080\r\n\r\n"u8.ToArray();

    private static readonly byte[] Browser = """
        GET /articles/2026/a-long-enough-title?utm_source=mail&page=2 HTTP/1.1
        Host: demo.tunnel.example
        Connection: keep-alive
        Cache-Control: max-age=0
        sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"
        sec-ch-ua-mobile: ?0
        sec-ch-ua-platform: "Linux"
        Upgrade-Insecure-Requests: 1
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8
        Sec-Fetch-Site: same-origin
        Sec-Fetch-Mode: navigate
        Sec-Fetch-Dest: document
        Referer: https://demo.tunnel.example/articles
        Accept-Encoding: gzip, deflate, br, zstd
        Accept-Language: en-GB,en;q=0.9
        Cookie: session=4f1c6f0e9a1b4d6fa0c3; theme=dark; consent=1


        """u8.ToArray();

    private static readonly byte[] Answer = """
        HTTP/1.1 200 OK
        Server: nginx/1.22.1
        Date: Tue, 24 Nov 2026 12:00:00 GMT
        Content-Type: application/octet-stream
        Content-Length: 1024
        Last-Modified: Tue, 24 Nov 2026 11:00:00 GMT
        Connection: keep-alive
        ETag: "6745a1b0-400"
        Accept-Ranges: bytes


        """u8.ToArray();

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
        _small = new ReadOnlySequence<byte>(Small);
        _browser = new ReadOnlySequence<byte>(OnTheWire(Browser));
        _answer = new ReadOnlySequence<byte>(OnTheWire(Answer));
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

    // The lines above end as this file's do.
    private static byte[] OnTheWire(byte[] lines) =>
        System.Text.Encoding.ASCII.GetBytes(System.Text.Encoding.ASCII.GetString(lines).ReplaceLineEndings("\r\n"));

    private static void Require(ParseOutcome outcome)
    {
        if (outcome != ParseOutcome.Complete)
        {
            throw new InvalidOperationException($"The head was not taken: {outcome}.");
        }
    }
}
