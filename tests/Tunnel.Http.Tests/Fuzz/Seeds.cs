namespace Tunnel.Http.Tests.Fuzz;

/// <summary>Whole messages to mutate, and pieces to assemble messages from.</summary>
internal static class Seeds
{
    public static readonly string[] Requests =
    [
        "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "POST /p?q=1 HTTP/1.1\r\nHost: A.Example:8080\r\nContent-Length: 5\r\nConnection: keep-alive, x\r\nX: y\r\n\r\nhello",
        "PUT /f HTTP/1.1\r\nhost: [::1]:80\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nTE: trailers\r\n\r\n0",
        "GET http://b.example/x HTTP/1.1\r\nHost: a.example\r\nCookie: a=b; c=\u00e4\r\n\r\n",
        "OPTIONS * HTTP/1.0\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n",
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\nSec-WebSocket-Key: x==\r\n\r\n",
        "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
        "\r\nDELETE /d HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 5\r\nX.Forwarded~Ssl: 6\r\nX-Forwarded-A_B: 7\r\n\r\n",
        "POST /exec HTTP/1.1\r\nHost: a:\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nExpect:\r\nContent-Length: 2\r\n\r\n{}",
        "GET /caf\u00c3\u00a9?q=\u0085 HTTP/1.1\r\nHost: a\r\n\r\n",
    ];

    public static readonly string[] Responses =
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\u0081\u0000",
        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\nTunnel_Error: x\r\n\r\n",
        "HTTP/1.1 700 Odd\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 500\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n",
    ];

    public static readonly string[] Chunked =
    [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\nGET",
        "5  \r\nhello\r\n0;a=b \r\n\r\nGET",
        "1f;a=\"b\\\"c\" ; d\r\n0123456789012345678901234567890\r\n000\r\nDigest: x\r\nContent-Length: 4\r\n\r\n",
        "A;x\r\n0123456789\r\n00001\r\nz\r\n0;end=1\r\nGrpc-Status: 0\r\nGrpc-Message: \u00e4\r\n\r\n",
        "7fffffffffffffff\r\nendless",
    ];

    /// <summary>Several requests of one connection.</summary>
    public static readonly string[] RequestConversations =
    [
        Requests[0] + Requests[0] + Requests[0],
        Requests[1] + Requests[0] + "\r\n" + Requests[1],
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nDigest: z\r\n\r\n" + Requests[0],
        "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\nGET /hidden HTTP/1.1\r\nHost: b.example\r\n\r\n" + Requests[0],
        Requests[3] + Requests[4] + Requests[5] + Requests[7],
        "POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc" + Requests[0],
    ];

    /// <summary>Several answers of one connection.</summary>
    public static readonly string[] AnswerConversations =
    [
        Responses[0] + Responses[0],
        "HTTP/1.1 100 Continue\r\n\r\n" + Responses[1] + Responses[0],
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\nGrpc-Status: 0\r\n\r\n" + Responses[5],
        Responses[4] + Responses[0] + Responses[2] + "until the end",
        "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\n" + Responses[5],
    ];

    /// <summary>Words that matter to a parser, put in at random places.</summary>
    public static readonly string[] Words =
    [
        "\r\n", "\n", "\r", "\0", " ", "\t", ":", ": ", ",", ";", "=", "\"", "/", "*", "#", "@", "\u0080", "\u007f",
        "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http://", "Host: b\r\n", "Content-Length: 1\r\n", "Content-Length: +1\r\n",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Connection: close, Host\r\n",
        "Upgrade: tls/1.0, a/b\r\n", "Connection: upgrade\r\n", "Expect: 100-continue\r\n", " folded\r\n", "X : y\r\n",
        "0\r\n\r\n", "5;a=b\r\n", "ffffffffffffffff", "\r\n\r\n", "1\r\nx\r\n", "99999999999999999999",
    ];

    public static readonly string[] RequestPieces =
    [
        "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n", "POST http://X.example?q HTTP/1.1\r\nHost: a\r\n",
        "OPTIONS http://x HTTP/1.0\r\n", "HEAD /b HTTP/1.0\r\nHost: B.\r\n", "TRACE / HTTP/1.1\r\nHost: [::1]\r\n",
        "\r\n\r\n", "\r\n", "Keep-Alive: 1\r\n", "A: b\r\n", "a:\r\n", "Te: trailers\r\n", "Max-Forwards: 5\r\n", .. Words,
    ];

    public static readonly string[] ResponsePieces =
    [
        "HTTP/1.1 200 OK\r\n", "HTTP/1.1 204 No\r\n", "HTTP/1.0 304\r\n", "HTTP/1.1 101 Up\r\nConnection: upgrade\r\n",
        "\r\n\r\n", "HTTP/1.1 100 \r\n", "Upgrade: a\r\n", "A: b\r\n", "Keep-Alive: timeout=1\r\n", "\r\n", .. Words,
    ];

    public static readonly string[] ChunkedPieces =
    [
        "1\r\na\r\n", "2;x\r\nbc\r\n", "03 ;y=\"z\" \t;w\r\ndef\r\n", "0\r\n", "0;q\r\n", "\r\n", "A: b\r\n", "Digest: c\r\n",
        "Host: d\r\n", "\r\n\r\n", .. Words,
    ];
}
