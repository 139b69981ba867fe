using System.Buffers;
using Tunnel.Http.Heads;

namespace Tunnel.Http.Bodies;

/// <summary>
/// Takes the content of a body out of its framing, without copying and without waiting for the whole (RFC 9112 section 6).
/// One reader serves all messages of a connection in one direction: <see cref="Start"/>, then <see cref="Read"/> until
/// Complete. Only trailer fields rent a buffer; <see cref="Reset"/> gives it back. Not for several threads.
/// </summary>
public sealed class BodyReader(MemoryPool<byte> pool, HttpLimits limits)
{
    private readonly ChunkReader _chunks = new(pool, limits);
    private BodyKind _kind;
    private long _remaining;

    /// <summary>Trailer fields that may travel on; filled when a chunked body is complete, valid until Start or Reset.</summary>
    public HeaderList Trailers => _chunks.Trailers;

    /// <summary>Content bytes handed out of the body under way.</summary>
    public long ContentBytes { get; private set; }

    /// <summary>Whether the body is whole. True at once without one, else with its last content.</summary>
    public bool IsComplete { get; private set; } = true;

    /// <summary>
    /// Whether the sender owes bytes it has announced. Between chunks it owes nothing: a stream of chunks may be quiet.
    /// </summary>
    public bool IsOwed => !IsComplete && !(_kind == BodyKind.Chunked && _chunks.IsBetweenChunks);

    /// <summary>Why the body was refused; <see cref="RejectReason.None"/> otherwise.</summary>
    public RejectReason Reason { get; private set; }

    /// <summary>Begins the body of the next message.</summary>
    public void Start(in BodyFraming framing)
    {
        Reset();
        _kind = framing.Kind;
        _remaining = framing.Kind == BodyKind.Length ? framing.Length.GetValueOrDefault() : 0;
        IsComplete = !framing.HasContent;
    }

    /// <summary>Forgets the body and gives the trailers' buffer back.</summary>
    public void Reset()
    {
        _chunks.Reset();
        _kind = BodyKind.None;
        _remaining = 0;
        ContentBytes = 0;
        IsComplete = true;
        Reason = RejectReason.None;
    }

    /// <summary>
    /// Reads on from the start of <paramref name="buffer"/>, which begins where the last call consumed to. Each call gives
    /// at most one piece of content; it is a slice of the buffer and valid as long as that is.
    /// </summary>
    /// <param name="buffer">Everything received and not consumed.</param>
    /// <param name="content">The piece of content; empty unless the outcome is Content.</param>
    /// <param name="consumed">Behind the content or framing that was taken.</param>
    /// <param name="examined">As consumed, or the end when more is needed.</param>
    public BodyOutcome Read(
        in ReadOnlySequence<byte> buffer,
        out ReadOnlySequence<byte> content,
        out SequencePosition consumed,
        out SequencePosition examined)
    {
        content = default;
        consumed = buffer.Start;
        examined = buffer.End;
        if (Reason != RejectReason.None)
        {
            return BodyOutcome.Rejected;
        }

        if (IsComplete)
        {
            examined = consumed;
            return BodyOutcome.Complete;
        }

        if (_kind == BodyKind.Chunked)
        {
            return ReadChunked(buffer, out content, out consumed, out examined);
        }

        if (buffer.IsEmpty)
        {
            return BodyOutcome.NeedMore;
        }

        content = _kind == BodyKind.Length && buffer.Length > _remaining ? buffer.Slice(0, _remaining) : buffer;
        consumed = examined = content.End;
        ContentBytes += content.Length;
        if (_kind == BodyKind.Length)
        {
            _remaining -= content.Length;
            IsComplete = _remaining == 0;
        }

        return BodyOutcome.Content;
    }

    /// <summary>
    /// Says that no more bytes will come. Complete when the body was whole or ends just so; otherwise Rejected with
    /// <see cref="RejectReason.BodyTruncated"/>, never a clean end.
    /// </summary>
    public BodyOutcome EndOfInput()
    {
        if (Reason == RejectReason.None && !IsComplete)
        {
            if (_kind == BodyKind.UntilClose)
            {
                IsComplete = true;
            }
            else
            {
                Reason = RejectReason.BodyTruncated;
            }
        }

        return Reason == RejectReason.None ? BodyOutcome.Complete : BodyOutcome.Rejected;
    }

    private BodyOutcome ReadChunked(
        in ReadOnlySequence<byte> buffer,
        out ReadOnlySequence<byte> content,
        out SequencePosition consumed,
        out SequencePosition examined)
    {
        var outcome = _chunks.Read(buffer, out content, out consumed, out examined, out var reason);
        ContentBytes += content.Length;
        IsComplete = outcome == BodyOutcome.Complete;
        Reason = reason;
        return outcome;
    }
}
