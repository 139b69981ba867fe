using System.Buffers;
using Microsoft.Extensions.Logging;
using Tunnel.Hosting;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Edge;

/// <summary>
/// What a visitor is told that speaks HTTP/2 alone, without having asked, while this edge speaks HTTP/1.1. Says it to the
/// operator now and then: such a client is set up wrong, and sees nothing but a broken connection. Safe from any thread.
/// </summary>
internal sealed class Http2Refusal(TimeProvider time, ILogger log)
{
    private readonly RareLine _rare = new(time);

    /// <summary>
    /// A server's preface, an empty SETTINGS (RFC 9113 section 3.4), and GOAWAY: no stream was looked at, the code is
    /// HTTP_1_1_REQUIRED (section 7), and the rest is for people.
    /// </summary>
    private static readonly byte[] GoAway =
    [
        0, 0, 0, 4, 0, 0, 0, 0, 0,
        0, 0, 8 + 39, 7, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0xD,
        .. "Only HTTP/1.1 is spoken here, not 2.0.\n"u8,
    ];

    /// <summary>Answers the preface of a client (<c>PRI * HTTP/2.0</c>) that came without TLS or without ALPN.</summary>
    public void Refuse(IBufferWriter<byte> output, string visitor)
    {
        output.Write(GoAway);
        Note(visitor);
    }

    /// <summary>A visitor has to be turned away.</summary>
    public void Note(string visitor)
    {
        if (_rare.IsDue())
        {
            ServerLog.Http2Alone(log, visitor);
        }
    }
}
