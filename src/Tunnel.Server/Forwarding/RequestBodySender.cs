using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Forwarding;

/// <summary>How sending a request body ended.</summary>
internal enum UploadEnd
{
    /// <summary>The body is whole and the stream's half is finished.</summary>
    Complete,

    /// <summary>The far side wants no more of it.</summary>
    NotWanted,

    /// <summary>We stopped reading, because the answer is over.</summary>
    Stopped,

    /// <summary>The visitor broke off, or sent what is no body; the stream has been reset.</summary>
    Broken,
}

/// <summary>Step 5: takes the visitor's body out of its framing and sends it on in ours, piece by piece, as it comes.</summary>
internal sealed class RequestBodySender(MemoryPool<byte> pool, HttpLimits limits, long? maxBody)
{
    private const int MostUnflushed = 16 * 1024;

    private readonly BodyReader _reader = new(pool, limits);
    private readonly BodyWriter _writer = new();
    private volatile bool _isStopped;

    /// <summary>Why the body was refused, after <see cref="UploadEnd.Broken"/>; None when the visitor went away.</summary>
    public RejectReason Reason { get; private set; }

    public async ValueTask<UploadEnd> SendAsync(PipeReader visitor, TunnelStream stream, BodyFraming framing)
    {
        Reason = RejectReason.None;
        _isStopped = false;
        _reader.Start(framing);
        _writer.Start(framing);
        try
        {
            return await CopyAsync(visitor, stream);
        }
        catch (IOException)
        {
            // The visitor's connection broke.
            stream.Abort(ResetCode.Cancelled);
            return UploadEnd.Broken;
        }
        finally
        {
            _reader.Reset();
        }
    }

    /// <summary>Makes a <see cref="SendAsync"/> that reads return soon, with <see cref="UploadEnd.Stopped"/>.</summary>
    public void Stop(PipeReader visitor)
    {
        _isStopped = true;
        visitor.CancelPendingRead();
    }

    private async ValueTask<UploadEnd> CopyAsync(PipeReader visitor, TunnelStream stream)
    {
        while (true)
        {
            if (!visitor.TryRead(out ReadResult read))
            {
                // Nothing at hand: what there is, the head included, goes out before we wait.
                if (stream.Output.UnflushedBytes > 0 && (await stream.Output.FlushAsync()).IsCompleted)
                {
                    return UploadEnd.NotWanted;
                }

                read = await visitor.ReadAsync();
            }

            if (read.IsCanceled && _isStopped)
            {
                visitor.AdvanceTo(read.Buffer.Start);
                return UploadEnd.Stopped;
            }

            BodyOutcome outcome = Copy(read.Buffer, stream.Output, out SequencePosition consumed, out SequencePosition examined);
            visitor.AdvanceTo(consumed, examined);
            if (outcome == BodyOutcome.NeedMore && read.IsCompleted)
            {
                outcome = _reader.EndOfInput();
            }

            if (outcome != BodyOutcome.Rejected && _reader.ContentBytes > maxBody)
            {
                return Refuse(stream, RejectReason.BodyTooLarge);
            }

            switch (outcome)
            {
                case BodyOutcome.Complete:
                    _writer.End(stream.Output, _reader.Trailers);
                    await stream.Output.CompleteAsync();
                    return UploadEnd.Complete;
                case BodyOutcome.Rejected:
                    return Refuse(stream, _reader.Reason);
            }

            if (stream.Output.UnflushedBytes >= MostUnflushed && (await stream.Output.FlushAsync()).IsCompleted)
            {
                return UploadEnd.NotWanted;
            }
        }
    }

    private BodyOutcome Copy(ReadOnlySequence<byte> buffer, PipeWriter output, out SequencePosition consumed, out SequencePosition examined)
    {
        while (true)
        {
            BodyOutcome outcome = _reader.Read(buffer, out ReadOnlySequence<byte> content, out consumed, out examined);
            if (outcome != BodyOutcome.Content)
            {
                return outcome;
            }

            _writer.Write(output, content);
            buffer = buffer.Slice(consumed);
            if (_reader.IsComplete)
            {
                return BodyOutcome.Complete;
            }
        }
    }

    private UploadEnd Refuse(TunnelStream stream, RejectReason reason)
    {
        Reason = reason;
        stream.Abort(ResetCode.RequestBroken);
        return UploadEnd.Broken;
    }
}
