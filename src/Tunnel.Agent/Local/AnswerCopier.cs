using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>
/// Step 8: copies the origin's answer to the stream as the origin sent it, and reads along to know where it ends.
/// </summary>
internal sealed class AnswerCopier(MemoryPool<byte> memory, HttpLimits limits)
{
    private const int MostUnflushed = 16 * 1024;

    private readonly ResponseHeadParser _parser = new(limits);
    private readonly BodyReader _body = new(memory, limits);

    public ResponseHead Head { get; } = new(memory);

    /// <summary>What refused the public name, as the last body that was copied says; null: nothing known.</summary>
    public BlockingFramework? BlockedBy { get; private set; }

    /// <summary>How long an answer that has begun may pause; event streams may for ever.</summary>
    public TimeSpan IdleTime { get; set; }

    /// <summary>Copies every interim head and the final one. Returns true when that is a 101, which is flushed.</summary>
    /// <param name="origin">Where more is read, should it take more.</param>
    /// <param name="read">What has been read already.</param>
    /// <param name="stream">Where the heads go.</param>
    /// <param name="request">What was asked.</param>
    /// <exception cref="OriginFaultException">No valid head came.</exception>
    public async ValueTask<bool> CopyHeadAsync(OriginConnection origin, ReadResult read, PipeWriter stream, RequestTraits request)
    {
        RequestMethod method = request.HasFlag(RequestTraits.HeadOnly) ? RequestMethod.Head : RequestMethod.Get;
        while (true)
        {
            if (TryCopyHead(origin.Input, read, stream, method))
            {
                if (Head.IsSwitch)
                {
                    if (!request.HasFlag(RequestTraits.WantsUpgrade))
                    {
                        throw new OriginFaultException(ResetCode.OriginInvalid, "A 101 that nobody asked for.");
                    }

                    origin.Answered();
                    await stream.FlushAsync();
                    return true;
                }

                if (!Head.IsInterim)
                {
                    origin.Answered();
                    return false;
                }

                await stream.FlushAsync();
            }

            try
            {
                read = await origin.Input.ReadAsync();
            }
            catch (ConnectionBrokenException error)
            {
                throw OriginFaultException.Before(error);
            }
        }
    }

    /// <summary>
    /// Copies the body. The last bytes are left unflushed, so that FIN can go with them. Returns false when the stream
    /// wants no more.
    /// </summary>
    /// <param name="observer">Null: nobody watches.</param>
    /// <exception cref="OriginFaultException">The body broke off, or is framed against the rules.</exception>
    public async ValueTask<bool> CopyBodyAsync(OriginConnection origin, PipeWriter stream, IExchangeObserver? observer)
    {
        _body.Start(Head.Framing);
        bool mayPause = IsEventStream();
        long toLookAt = BlockingFramework.MostLookedAt(Head.Status);
        try
        {
            while (!_body.IsComplete)
            {
                if (!origin.Input.TryRead(out ReadResult read))
                {
                    // Nothing at hand: the visitor gets what there is before we wait.
                    if (stream.UnflushedBytes > 0 && (await stream.FlushAsync()).IsCompleted)
                    {
                        return false;
                    }

                    ValueTask<ReadResult> reading = origin.Input.ReadAsync();
                    if (reading.IsCompleted || mayPause)
                    {
                        read = await reading;
                    }
                    else
                    {
                        origin.ExpectMore(IdleTime);
                        read = await reading;
                        origin.GotMore();
                    }
                }

                BodyOutcome outcome = Walk(read.Buffer, out SequencePosition consumed, out SequencePosition examined);
                ReadOnlySequence<byte> piece = read.Buffer.Slice(0, consumed);
                stream.Write(piece);
                observer?.OnReceived(piece.Length);
                if (toLookAt > 0)
                {
                    toLookAt -= piece.Length;
                    BlockedBy ??= BlockingFramework.Find(Head, piece);
                }

                origin.Input.AdvanceTo(consumed, examined);
                if (outcome == BodyOutcome.NeedMore && read.IsCompleted)
                {
                    outcome = _body.EndOfInput();
                }

                if (outcome == BodyOutcome.Rejected)
                {
                    throw new OriginFaultException(
                        _body.Reason == RejectReason.BodyTruncated ? ResetCode.OriginReset : ResetCode.OriginInvalid, _body.Reason.Sentence);
                }

                if (!_body.IsComplete && stream.UnflushedBytes >= MostUnflushed && (await stream.FlushAsync()).IsCompleted)
                {
                    return false;
                }
            }

            return true;
        }
        catch (ConnectionBrokenException error)
        {
            throw new OriginFaultException(ResetCode.OriginReset, error.Message);
        }
    }

    /// <summary>Gives all buffers back.</summary>
    public void Reset()
    {
        _parser.Reset();
        _body.Reset();
        Head.Reset();
        BlockedBy = null;
    }

    // Its silence says nothing: that it has an end is for TCP to find out.
    private bool IsEventStream()
    {
        ReadOnlySpan<byte> eventStream = "text/event-stream"u8;
        return Head.Headers.TryGet(KnownHeader.ContentType, out ReadOnlySpan<byte> type)
            && type.Length >= eventStream.Length
            && Ascii.EqualsIgnoreCase(type[..eventStream.Length], eventStream);
    }

    // False: the head is not whole yet.
    private bool TryCopyHead(PipeReader origin, in ReadResult read, PipeWriter stream, RequestMethod method)
    {
        ParseOutcome outcome = _parser.Parse(read.Buffer, Head, method, out SequencePosition consumed, out SequencePosition examined);
        if (outcome == ParseOutcome.Complete)
        {
            stream.Write(read.Buffer.Slice(0, consumed));
            origin.AdvanceTo(consumed, examined);
            return true;
        }

        bool isTls = AnswerStart.IsTls(read.Buffer);
        string start = outcome == ParseOutcome.Rejected ? AnswerStart.Describe(read.Buffer) : "";
        origin.AdvanceTo(consumed, examined);
        return outcome switch
        {
            _ when isTls => throw new OriginFaultException(
                ResetCode.OriginSpeaksTls, "It answers plain HTTP with TLS: it speaks HTTPS. Start the agent with --local-https."),
            ParseOutcome.Rejected => throw new OriginFaultException(ResetCode.OriginInvalid, $"{_parser.Reason.Sentence}{start}"),
            _ when read.IsCompleted => throw new OriginFaultException(ResetCode.OriginInvalid, "The answer broke off before its head ended."),
            _ => false,
        };
    }

    // How much of the buffer belongs to the body.
    private BodyOutcome Walk(ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined)
    {
        while (true)
        {
            BodyOutcome outcome = _body.Read(buffer, out _, out consumed, out examined);
            if (outcome != BodyOutcome.Content)
            {
                return outcome;
            }

            buffer = buffer.Slice(consumed);
            if (_body.IsComplete)
            {
                return BodyOutcome.Complete;
            }
        }
    }
}
