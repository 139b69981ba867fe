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
        while (true)
        {
            ReadResult result = await link.ReadAsync(cancel);
            ReadOnlySequence<byte> buffer = result.Buffer;
            SequencePosition examined = buffer.End;
            try
            {
                if (!MayBecomeHello(buffer))
                {
                    return null;
                }

                if (FrameReader.TryRead(ref buffer, LinkRole.Agent, out _, out ReadOnlySequence<byte> payload))
                {
                    examined = buffer.Start;
                    return JsonMessages.Read<HelloMessage>(payload);
                }

                if (result.IsCompleted)
                {
                    return null;
                }
            }
            finally
            {
                link.AdvanceTo(buffer.Start, examined);
            }
        }
    }

    /// <summary>The agent's side: sends HELLO and waits for WELCOME or REJECT.</summary>
    /// <exception cref="ProtocolViolationException">The answer is neither, or breaks a rule.</exception>
    /// <exception cref="IOException">The link ended without an answer.</exception>
    public static async Task<HandshakeAnswer> GreetAsync(IDuplexPipe link, HelloMessage hello, CancellationToken cancel)
    {
        await SendAsync(link.Output, FrameKind.Hello, hello, cancel);
        while (true)
        {
            ReadResult result = await link.Input.ReadAsync(cancel);
            ReadOnlySequence<byte> buffer = result.Buffer;
            SequencePosition examined = buffer.End;
            try
            {
                if (IsHttp(buffer))
                {
                    return new HandshakeAnswer(null, null, IsHttp: true);
                }

                if (FrameReader.TryRead(ref buffer, LinkRole.Server, out FrameHeader header, out ReadOnlySequence<byte> payload))
                {
                    examined = buffer.Start;
                    return header.Kind switch
                    {
                        FrameKind.Welcome => new HandshakeAnswer(JsonMessages.Read<WelcomeMessage>(payload), null),
                        FrameKind.Reject => new HandshakeAnswer(null, JsonMessages.Read<RejectMessage>(payload)),
                        _ => throw new ProtocolViolationException(
                            CloseCode.UnexpectedFrame, $"{header.Kind} in place of WELCOME or REJECT."),
                    };
                }

                if (result.IsCompleted)
                {
                    throw new IOException("The link ended before the server answered.");
                }
            }
            finally
            {
                link.Input.AdvanceTo(buffer.Start, examined);
            }
        }
    }

    /// <summary>Sends one frame of the handshake.</summary>
    public static async Task SendAsync<T>(PipeWriter link, FrameKind kind, T message, CancellationToken cancel)
        where T : class, IJsonMessage<T>
    {
        byte[] payload = JsonMessages.Write(message);
        WriteFrame(link, kind, payload);
        await link.FlushAsync(cancel);
    }

    private static void WriteFrame(PipeWriter link, FrameKind kind, ReadOnlySpan<byte> payload)
    {
        var header = new FrameHeader(0, kind, payload.Length);
        Span<byte> frame = link.GetSpan(header.FrameSize);
        header.Write(frame);
        payload.CopyTo(frame[FrameHeader.Size..]);
        link.Advance(header.FrameSize);
    }

    // The answer of a web server to bytes it does not understand; no frame begins so.
    private static bool IsHttp(in ReadOnlySequence<byte> buffer) =>
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
