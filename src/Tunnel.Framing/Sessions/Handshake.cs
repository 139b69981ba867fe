using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The frames before a session (docs/protocol.md, section 3). Neither side buffers more than one frame, and bytes
/// behind it stay in the pipe for the session. Time limits are the caller's, through the token.
/// </summary>
public static class Handshake
{
    /// <summary>
    /// The server's side: waits for HELLO. Null when the link ended first, or when what came is not a HELLO and
    /// deserves no answer.
    /// </summary>
    /// <exception cref="ProtocolViolationException">A HELLO that breaks a rule: answer with REJECT.</exception>
    public static async Task<HelloMessage?> ReadHelloAsync(PipeReader link, CancellationToken cancel)
    {
        (HelloMessage? hello, _) = await ReadAsync(
            link, LinkRole.Agent, static bytes => !MayBecomeHello(bytes), static (_, payload) => JsonMessages.Read<HelloMessage>(payload), cancel);
        return hello;
    }

    /// <summary>The agent's side: sends HELLO and waits for WELCOME or REJECT.</summary>
    /// <exception cref="ProtocolViolationException">The answer is neither, or breaks a rule.</exception>
    /// <exception cref="IOException">The link ended without an answer.</exception>
    public static async Task<HandshakeAnswer> GreetAsync(IDuplexPipe link, HelloMessage hello, CancellationToken cancel)
    {
        await SendAsync(link.Output, FrameKind.Hello, hello, cancel);
        (HandshakeAnswer? answer, bool isHttp) = await ReadAsync(link.Input, LinkRole.Server, IsHttp, ReadAnswer, cancel);
        return isHttp ? new HandshakeAnswer(null, null, IsHttp: true)
            : answer ?? throw new IOException("The link ended before the server answered.");
    }

    /// <summary>Sends one frame of the handshake.</summary>
    public static async Task SendAsync<T>(PipeWriter link, FrameKind kind, T message, CancellationToken cancel)
        where T : class, IJsonMessage
    {
        byte[] payload = JsonMessages.Write(message);
        byte[] frame = new byte[FrameHeader.Size + payload.Length];
        new FrameHeader(0, kind, payload.Length).Write(frame);
        payload.CopyTo(frame, FrameHeader.Size);
        await link.WriteAsync(frame, cancel);
    }

    // One frame. Null when the link ended first, or when what came is a stranger's.
    private static async Task<(T? Message, bool IsStrange)> ReadAsync<T>(
        PipeReader link,
        LinkRole sender,
        Func<ReadOnlySequence<byte>, bool> isStrange,
        Func<FrameKind, ReadOnlySequence<byte>, T> read,
        CancellationToken cancel)
        where T : class
    {
        while (true)
        {
            ReadResult result = await link.ReadAsync(cancel);
            ReadOnlySequence<byte> buffer = result.Buffer;
            SequencePosition examined = buffer.End;
            try
            {
                if (isStrange(buffer))
                {
                    return (null, true);
                }

                if (FrameReader.TryRead(ref buffer, sender, out FrameHeader header, out ReadOnlySequence<byte> payload))
                {
                    examined = buffer.Start;
                    return (read(header.Kind, payload), false);
                }

                if (result.IsCompleted)
                {
                    return (null, false);
                }
            }
            finally
            {
                link.AdvanceTo(buffer.Start, examined);
            }
        }
    }

    private static HandshakeAnswer ReadAnswer(FrameKind kind, ReadOnlySequence<byte> payload) => kind switch
    {
        FrameKind.Welcome => new HandshakeAnswer(JsonMessages.Read<WelcomeMessage>(payload), null),
        FrameKind.Reject => new HandshakeAnswer(null, JsonMessages.Read<RejectMessage>(payload)),
        _ => throw new ProtocolViolationException(CloseCode.UnexpectedFrame, $"{kind} in place of WELCOME or REJECT."),
    };

    // The answer of a web server to bytes it does not understand; no frame begins so.
    private static bool IsHttp(ReadOnlySequence<byte> buffer) =>
        new SequenceReader<byte>(buffer).IsNext("HTTP/"u8);

    // RequestId 0 and kind HELLO: what does not begin like that is a stranger, who gets no answer.
    private static bool MayBecomeHello(in ReadOnlySequence<byte> buffer)
    {
        ReadOnlySpan<byte> beginning = [0, 0, 0, 0, (byte)FrameKind.Hello];
        int available = (int)Math.Min(buffer.Length, beginning.Length);
        Span<byte> bytes = stackalloc byte[beginning.Length];
        buffer.Slice(0, available).CopyTo(bytes);
        return bytes[..available].SequenceEqual(beginning[..available]);
    }
}

/// <summary>What a HELLO was answered with: exactly one of the three.</summary>
/// <param name="IsHttp">What answered is a web server, the port for visitors perhaps.</param>
public sealed record HandshakeAnswer(WelcomeMessage? Welcome, RejectMessage? Reject, bool IsHttp = false);
