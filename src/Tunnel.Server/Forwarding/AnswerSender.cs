using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Forwarding;

/// <summary>The stream's answer is not one: the head or the body breaks a rule, or it ended too soon.</summary>
internal sealed class BadAnswerException(RejectReason reason) : Exception(reason.Sentence)
{
    public RejectReason Reason { get; } = reason;
}

/// <summary>
/// Steps 8 and 9: reads the answer off the stream, judges it, and writes it to the visitor in our own words. Head and
/// body share one flush as long as bytes are at hand.
/// </summary>
/// <param name="mostUnflushed">
/// What the visitor's connection is given at a time. What it does not take stays in the stream, where credit bounds it.
/// </param>
internal sealed class AnswerSender(MemoryPool<byte> pool, HttpLimits limits, int mostUnflushed)
{
    /// <summary>Less room than this is not worth filling.</summary>
    private const int LeastRoom = 4 * 1024;

    private readonly ResponseHeadParser _parser = new(limits);
    private readonly BodyReader _reader = new(pool, limits);
    private readonly BodyWriter _writer = new();

    public ResponseHead Head { get; } = new(pool);

    /// <summary>Content bytes of the answer under way that have been passed on.</summary>
    public long ContentBytes => _reader.ContentBytes;

    /// <summary>Takes the next head, interim or final, out of what was read. False: more of it has to come.</summary>
    /// <exception cref="BadAnswerException">What came is no head.</exception>
    public bool TryTakeHead(PipeReader stream, in ReadResult read, RequestMethod method)
    {
        ParseOutcome outcome = _parser.Parse(read.Buffer, Head, method, out SequencePosition consumed, out SequencePosition examined);
        stream.AdvanceTo(consumed, examined);
        return outcome switch
        {
            ParseOutcome.Complete => true,
            ParseOutcome.Rejected => throw new BadAnswerException(_parser.Reason),
            _ when read.IsCompleted => throw new BadAnswerException(RejectReason.HeadTruncated),
            _ => false,
        };
    }

    /// <summary>Copies the body of the answer whose head was read and written; flushes it, to its last byte.</summary>
    /// <returns>False when the visitor takes no more.</returns>
    public async ValueTask<bool> SendBodyAsync(PipeReader stream, PipeWriter visitor, BodyFraming framing)
    {
        _reader.Start(Head.Framing);
        _writer.Start(framing);
        bool mustSeeMore = false;
        while (!_reader.IsComplete)
        {
            if (!stream.TryRead(out ReadResult read))
            {
                // Nothing at hand: the visitor gets what there is before we wait.
                if (visitor.UnflushedBytes > 0 && (await visitor.FlushAsync()).IsCompleted)
                {
                    return false;
                }

                read = await stream.ReadAsync();
            }

            ReadOnlySequence<byte> piece = read.Buffer;
            long room = mostUnflushed - visitor.UnflushedBytes;
            bool isCut = piece.Length > room && !mustSeeMore;
            if (isCut)
            {
                piece = piece.Slice(0, room);
            }

            BodyOutcome outcome = _writer.Reframe(_reader, piece, visitor, out SequencePosition consumed, out SequencePosition examined);

            // What is parsed as a whole, like the trailers, may be longer than the room.
            mustSeeMore = isCut && outcome == BodyOutcome.NeedMore && consumed.Equals(piece.Start);
            stream.AdvanceTo(consumed, examined);
            if (outcome == BodyOutcome.NeedMore && read.IsCompleted && !isCut)
            {
                outcome = _reader.EndOfInput();
            }

            if (outcome == BodyOutcome.Rejected)
            {
                throw new BadAnswerException(_reader.Reason);
            }

            if (visitor.UnflushedBytes > mostUnflushed - LeastRoom && (await visitor.FlushAsync()).IsCompleted)
            {
                return false;
            }
        }

        HopByHop.RemoveFromTrailers(_reader.Trailers, Head.Headers);
        _writer.End(visitor, _reader.Trailers);
        return !(await visitor.FlushAsync()).IsCompleted;
    }

    /// <summary>Gives all buffers back.</summary>
    public void Reset()
    {
        _parser.Reset();
        _reader.Reset();
        Head.Reset();
    }
}
