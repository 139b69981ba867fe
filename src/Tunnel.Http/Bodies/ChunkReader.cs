using System.Buffers;
using Tunnel.Http.Heads;

namespace Tunnel.Http.Bodies;

/// <summary>Takes a chunked body apart (RFC 9112 section 7.1). Content is handed out in place.</summary>
internal sealed class ChunkReader(MemoryPool<byte> pool, HttpLimits limits)
{
    /// <summary>Framing that every chunk is allowed: a long size line and the two line ends.</summary>
    private const int OverheadPerChunk = 16;

    private readonly TrailerParser _trailerParser = new(limits);
    private State _state;
    private ChunkSizeLine _line;
    private long _remaining;
    private long _overhead;

    private enum State
    {
        SizeLine,
        Data,
        DataCr,
        DataLf,
        AfterLastChunk,
        FinalLf,
        Trailers,
        Done,
    }

    public HeaderList Trailers { get; } = new(pool);

    public bool IsComplete => _state == State.Done;

    /// <summary>A chunk has ended and nothing of the next one has come.</summary>
    public bool IsBetweenChunks => _state == State.SizeLine && (_line.Length == 0 || _line.IsDone);

    public void Reset()
    {
        _state = State.SizeLine;
        _line = default;
        _remaining = 0;
        _overhead = 0;
        _trailerParser.Reset();
        Trailers.Reset();
    }

    public BodyOutcome Read(
        in ReadOnlySequence<byte> buffer,
        out ReadOnlySequence<byte> content,
        out SequencePosition consumed,
        out SequencePosition examined,
        out RejectReason reason)
    {
        content = default;
        reason = RejectReason.None;
        var reader = new SequenceReader<byte>(buffer);
        while (_state is not (State.Done or State.Trailers) && reason == RejectReason.None && !reader.End)
        {
            if (_state == State.Data)
            {
                var take = Math.Min(_remaining, reader.Remaining);
                content = buffer.Slice(reader.Position, take);
                _remaining -= take;
                _state = _remaining == 0 ? State.DataCr : State.Data;
                consumed = examined = content.End;
                return BodyOutcome.Content;
            }

            reason = TakeFraming(ref reader);
        }

        consumed = reader.Position;
        examined = buffer.End;
        if (_state == State.Trailers && reason == RejectReason.None)
        {
            reason = TakeTrailers(buffer, ref consumed, ref examined);
        }

        if (reason != RejectReason.None)
        {
            return BodyOutcome.Rejected;
        }

        if (_state != State.Done)
        {
            return BodyOutcome.NeedMore;
        }

        examined = consumed;
        return BodyOutcome.Complete;
    }

    /// <summary>Takes bytes of one framing element from the current segment.</summary>
    private RejectReason TakeFraming(ref SequenceReader<byte> reader)
    {
        var octet = reader.CurrentSpan[reader.CurrentSpanIndex];
        switch (_state)
        {
            case State.SizeLine:
                reader.Advance(1);
                return TakeSizeLine(octet);
            case State.DataCr:
                reader.Advance(1);
                _state = State.DataLf;
                return octet == Octets.Cr ? RejectReason.None : RejectReason.ChunkEndMissing;
            case State.DataLf:
                reader.Advance(1);
                _state = State.SizeLine;
                return octet == Octets.Lf ? RejectReason.None : RejectReason.ChunkEndMissing;
            case State.AfterLastChunk when octet == Octets.Cr:
                reader.Advance(1);
                _state = State.FinalLf;
                return RejectReason.None;
            case State.AfterLastChunk:
                // Only a body that has trailer fields rents a page for them.
                _state = State.Trailers;
                return RejectReason.None;
            default:
                reader.Advance(1);
                _state = State.Done;
                return octet == Octets.Lf ? RejectReason.None : RejectReason.BareCarriageReturn;
        }
    }

    private RejectReason TakeSizeLine(byte octet)
    {
        var reason = _line.Take(octet, limits.MaxChunkLineBytes);
        if (reason != RejectReason.None || !_line.IsDone)
        {
            return reason;
        }

        _remaining = _line.Size;
        _state = _remaining == 0 ? State.AfterLastChunk : State.Data;

        // A chunk excuses two bytes of framing for each of content; the product could overflow, the bound need not.
        var excused = OverheadPerChunk + (2 * Math.Min(_remaining, limits.MaxChunkOverheadBytes));
        _overhead = Math.Max(0, _overhead + _line.Length - excused);
        _line = default;
        return _overhead > limits.MaxChunkOverheadBytes ? RejectReason.ChunkOverheadTooLarge : RejectReason.None;
    }

    private RejectReason TakeTrailers(
        in ReadOnlySequence<byte> buffer, ref SequencePosition consumed, ref SequencePosition examined)
    {
        switch (_trailerParser.Parse(buffer.Slice(consumed), Trailers, out consumed, out examined))
        {
            case ParseOutcome.Complete:
                _state = State.Done;
                TrailerRules.RemoveForbidden(Trailers);
                return RejectReason.None;
            case ParseOutcome.Rejected:
                return _trailerParser.Reason;
            default:
                return RejectReason.None;
        }
    }
}
