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
    /// <summary>The body is whole and the stream's half is finished, unless an upgrade was asked for.</summary>
    Complete,

    /// <summary>The far side wants no more of it.</summary>
    NotWanted,

    /// <summary>We stopped reading, because the answer is over.</summary>
    Stopped,

    /// <summary>The visitor broke off, or sent what is no body; the stream has been reset.</summary>
    Broken,
}

/// <summary>Step 5: takes the visitor's body out of its framing and sends it on in ours, piece by piece, as it comes.</summary>
internal sealed class RequestBodySender(MemoryPool<byte> pool, CopyBudget copies, ServerOptions options, TimeProvider time)
{
    private const int MostUnflushed = 16 * 1024;

    private readonly BodyReader _reader = new(pool, options.Http);
    private readonly BodyWriter _writer = new();
    private readonly BodyCopy _copy = new(pool, copies);
    private Pace _pace;
    private IVisitorRequest? _visitor;
    private ITunnelStream? _stream;
    private RequestHead? _request;
    private Task<UploadEnd>? _running;
    private volatile bool _isStopped;
    private volatile bool _isComplete = true;

    /// <summary>Why the body was refused, after <see cref="UploadEnd.Broken"/>; None when the visitor went away.</summary>
    public RejectReason Reason { get; private set; }

    /// <summary>Content bytes of the body under way that have been passed on.</summary>
    public long ContentBytes => _reader.ContentBytes;

    /// <summary>All of the body, if there is one, has been passed on.</summary>
    public bool IsComplete => _isComplete;

    /// <summary>Everything taken from the visitor so far is still at hand, so the request may go somewhere else.</summary>
    public bool CanRepeat => _running is null || _copy.IsWhole;

    /// <summary>The request will not move any more.</summary>
    public void StopCopying() => _copy.Drop();

    /// <summary>Begins to send the body; it goes on beside the answer until it or <see cref="EndAsync"/> ends it.</summary>
    /// <param name="request">Its fields are not changed before the body has ended: the trailers are judged by them.</param>
    public void Begin(IVisitorRequest visitor, ITunnelStream stream, RequestHead request)
    {
        _visitor = visitor;
        _stream = stream;
        _isComplete = false;
        _isStopped = false;
        _pace = new Pace(options.Visitors.Pace);
        _copy.Begin();
        Start(request);
    }

    /// <summary>Sends the body again, from the copy first; only after <see cref="EndAsync"/>, and while <see cref="CanRepeat"/>.</summary>
    public void Repeat(ITunnelStream stream, RequestHead request)
    {
        _stream = stream;
        _isComplete = false;
        _isStopped = false;
        Reason = RejectReason.None;
        Start(request);
    }

    private void Start(RequestHead request)
    {
        _request = request;
        _reader.Start(request.Framing);
        _writer.Start(request.Framing);
        _running = SendAsync(_visitor!, _stream!);
    }

    /// <summary>The origin has switched protocols: the body goes first, however long it takes. Returns how sending ended.</summary>
    public async ValueTask<UploadEnd> WholeAsync()
    {
        UploadEnd end = _running is { } running ? await running : UploadEnd.Complete;
        _copy.Drop();
        return end;
    }

    /// <summary>The answer is over: a body that is still being sent has no purpose any more. Returns how sending ended.</summary>
    public async ValueTask<UploadEnd> EndAsync()
    {
        if (_running is not { } running)
        {
            return UploadEnd.Complete;
        }

        if (!running.IsCompleted)
        {
            _stream!.Abort(ResetCode.Cancelled);
            _isStopped = true;
            _visitor!.Body.CancelPendingRead();
        }

        return await running;
    }

    /// <summary>Gives all buffers back. Nothing may be sending.</summary>
    public void Reset()
    {
        _reader.Reset();
        _copy.Drop();
        Reason = RejectReason.None;
        _running = null;
        _visitor = null;
        _stream = null;
        _request = null;
        _isComplete = true;
    }

    private async Task<UploadEnd> SendAsync(IVisitorRequest visitor, ITunnelStream stream)
    {
        try
        {
            UploadEnd end = await CopyAsync(visitor, stream);
            if (end == UploadEnd.Complete)
            {
                _isComplete = true;
                visitor.Watch();
            }

            return end;
        }
        catch (IOException)
        {
            // The visitor's connection broke.
            stream.Abort(ResetCode.Cancelled);
            return UploadEnd.Broken;
        }
    }

    private async ValueTask<UploadEnd> CopyAsync(IVisitorRequest visitor, ITunnelStream stream)
    {
        PipeReader body = visitor.Body;
        if (_copy.Length > 0)
        {
            // Sent before, to a session that did not take it. What was taken from the visitor then is taken again now.
            BodyOutcome repeated = _writer.Reframe(_reader, _copy.Bytes, stream.Output, out _, out _);
            if (repeated == BodyOutcome.Complete)
            {
                return await FinishAsync(stream);
            }
        }

        while (true)
        {
            bool hasWaited = !body.TryRead(out ReadResult read);
            long since = 0;
            if (hasWaited)
            {
                // Nothing at hand: what there is, the head included, goes out before we wait.
                if (stream.Output.UnflushedBytes > 0 && (await stream.Output.FlushAsync()).IsCompleted)
                {
                    return UploadEnd.NotWanted;
                }

                since = time.GetTimestamp();
                read = await visitor.ReadBodyAsync(_reader.IsOwed ? _pace.Left : options.Visitors.IdleTime);
            }

            if (read.IsCanceled && (_isStopped || visitor.IsLate))
            {
                body.AdvanceTo(read.Buffer.Start);
                return visitor.IsLate && !_isStopped ? Refuse(stream, RejectReason.BodyTimeout) : UploadEnd.Stopped;
            }

            if (hasWaited && _reader.IsOwed)
            {
                _pace.Waited(time.GetElapsedTime(since), read.Buffer.Length);
            }

            BodyOutcome outcome = _writer.Reframe(_reader, read.Buffer, stream.Output, out SequencePosition consumed, out SequencePosition examined);
            if (!_copy.TryAdd(read.Buffer.Slice(0, consumed)))
            {
                // From here on the request cannot begin again elsewhere. If it has to already, this is left for the next session.
                if (!stream.TryPin())
                {
                    body.AdvanceTo(read.Buffer.Start);
                    return UploadEnd.NotWanted;
                }

                _copy.Drop();
            }

            body.AdvanceTo(consumed, examined);
            if (outcome == BodyOutcome.NeedMore && read.IsCompleted)
            {
                outcome = _reader.EndOfInput();
            }

            if (outcome != BodyOutcome.Rejected && _reader.ContentBytes > options.Visitors.MaxBody)
            {
                return Refuse(stream, RejectReason.BodyTooLarge);
            }

            switch (outcome)
            {
                case BodyOutcome.Complete:
                    return await FinishAsync(stream);
                case BodyOutcome.Rejected:
                    return Refuse(stream, _reader.Reason);
            }

            if (stream.Output.UnflushedBytes >= MostUnflushed && (await stream.Output.FlushAsync()).IsCompleted)
            {
                return UploadEnd.NotWanted;
            }
        }
    }

    private async ValueTask<UploadEnd> FinishAsync(ITunnelStream stream)
    {
        HopByHop.RemoveFromTrailers(_reader.Trailers, _request!.Headers);
        _writer.End(stream.Output, _reader.Trailers);
        if (!_request.WantsUpgrade)
        {
            await stream.Output.CompleteAsync();
            return UploadEnd.Complete;
        }

        // What comes next is the other protocol's, or the end, when the origin has declined (docs/protocol.md, section 12).
        return (await stream.Output.FlushAsync()).IsCompleted ? UploadEnd.NotWanted : UploadEnd.Complete;
    }

    private UploadEnd Refuse(ITunnelStream stream, RejectReason reason)
    {
        Reason = reason;
        stream.Abort(ResetCode.RequestBroken);
        return UploadEnd.Broken;
    }
}
