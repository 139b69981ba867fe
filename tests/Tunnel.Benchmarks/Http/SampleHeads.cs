using System.Text;

namespace Tunnel.Benchmarks.Http;

/// <summary>Heads as a load generator, a browser and an origin send them.</summary>
internal static class SampleHeads
{
    public static byte[] Small { get; } = "GET /1k HTTP/1.1\r\nHost: demo.localhost:8080\r\n\r\n"u8.ToArray();

    public static byte[] Browser { get; } = OnTheWire("""
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


        """);

    public static byte[] Answer { get; } = OnTheWire("""
        HTTP/1.1 200 OK
        Server: nginx/1.22.1
        Date: Tue, 24 Nov 2026 12:00:00 GMT
        Content-Type: application/octet-stream
        Content-Length: 1024
        Last-Modified: Tue, 24 Nov 2026 11:00:00 GMT
        Connection: keep-alive
        ETag: "6745a1b0-400"
        Accept-Ranges: bytes


        """);

    // The lines above end as this file's do.
    private static byte[] OnTheWire(string lines) => Encoding.ASCII.GetBytes(lines.ReplaceLineEndings("\r\n"));
}
