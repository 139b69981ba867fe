using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Edge;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// One request and its answer, from the first byte of the head to the last of the answer (docs/architecture.md,
/// "The way of one request", steps 2 to 10). Serves one visitor at a time, from <see cref="Begin"/> to <see cref="Reset"/>; the <see cref="ExchangeShelf"/>
/// hands it out. Only the visitor's own task touches it.
/// </summary>
internal sealed class Exchange
{
    private readonly EdgeServices _services;
    private readonly RequestHead _request;
    private readonly RequestHeadParser _parser;
    private readonly AnswerRelay _answer;
    private readonly RequestBodySender _upload;
    private readonly ExchangeRecord _record;
    private readonly RequestPlace _place;
    private VisitorConnection _visitor = null!;
    private VisitorFacts _facts = null!;
    private HopByHopReport _hop;

    public Exchange(EdgeServices services)
    {
        _services = services;
        _request = new RequestHead(services.Pool);
        _parser = new RequestHeadParser(services.Options.Http);
        _record = new ExchangeRecord(services);
        _answer = new AnswerRelay(services, _request, _record);
        _upload = new RequestBodySender(services.Pool, services.Memory.Copies, services.Options, services.Time);
        _place = new RequestPlace(services.Registry, services.Memory);
    }

    /// <summary>Why the head was refused, after <see cref="ParseOutcome.Rejected"/>.</summary>
    public RejectReason Reason => _parser.Reason;

    /// <summary>Belongs to this visitor from here on.</summary>
    public void Begin(VisitorConnection visitor)
    {
        _visitor = visitor;
        _facts = visitor.Facts;
    }

    /// <summary>Gives all buffers back and forgets the visitor.</summary>
    public void Reset()
    {
        _parser.Reset();
        _request.Reset();
        _answer.Reset();
        _upload.Reset();
        _place.Reset();
        _visitor = null!;
        _facts = null!;
    }

    /// <summary>Step 2: reads the head, as <see cref="RequestHeadParser.Parse"/> does.</summary>
    public ParseOutcome Parse(in ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined) =>
        _parser.Parse(buffer, _request, out consumed, out examined);

    /// <summary>Serves the request whose head has just been read.</summary>
    /// <exception cref="IOException">The visitor's connection broke.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ExchangeEnd> RunAsync()
    {
        TrustedProxies trusted = _services.Options.TrustedProxies;
        if (trusted.Contains(_facts.Peer))
        {
            _facts = ProxyWord.Read(_facts, _request.Headers, trusted, _services.Options.ProxyFields);
        }

        _record.Begin(_request);
        _services.Metrics.RequestStarted();
        try
        {
            if (_services.Rules.Judge(_request, _visitor.Facts, _facts) is { } broken)
            {
                return await RefuseAsync(broken, isRead: !_request.Framing.HasContent && !_request.IsConnect);
            }

            // 3 route by Host; what is not HTTP to its agent is not reached by HTTP
            _place.Begin();
            while (true)
            {
                if (await _place.TakeAsync(_visitor, _request, _facts) is { } refusal)
                {
                    return _visitor.Ties.IsGone ? ExchangeEnd.Closed : await RefuseAsync(Explain(refusal), isRead: !_request.Framing.HasContent);
                }

                using TunnelStream stream = _place.Stream;
                _record.Token = _place.Tunnel.Holder.Identity.TokenName;
                if (await _place.JudgeAsync(_request, _facts) is { } denial)
                {
                    // Nothing of the stream has been sent.
                    return await RefuseAsync(denial, isRead: !_request.Framing.HasContent);
                }

                _visitor.Ties.Attach(stream);
                _visitor.Ties.Settle();
                _record.Routed();
                if (await ForwardAsync(stream) is { } end)
                {
                    return end;
                }
            }
        }
        finally
        {
            _visitor.AnswerWatch.End();
            _visitor.Ties.Detach();
            _place.Leave();
            _record.End(_request, _facts.AddressText, _upload.ContentBytes, _answer.ContentBytes);
        }
    }

    /// <summary>Answers a request that could not be read.</summary>
    public async ValueTask RejectAsync(RejectReason reason)
    {
        _record.Begin(null);
        _services.Metrics.RequestStarted();
        if (reason == RejectReason.Http2PriorKnowledge)
        {
            Note(EdgeError.Rejected(reason));
            _services.Http2.Refuse(_visitor.Output, _facts.AddressText);
            await _visitor.Output.FlushAsync();
        }
        else
        {
            await RefuseAsync(EdgeError.Rejected(reason), isRead: false);
        }

        _record.End(_request, _facts.AddressText, 0, 0);
    }

    // Null: the session did not take the request, and it may go to another one.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ExchangeEnd?> ForwardAsync(TunnelStream stream)
    {
        // 4 rewrite, 5 send
        _answer.Begin(_place.Tunnel, _facts);
        await SendRequestAsync(stream);
        EdgeError? error = null;
        bool keepAlive = false;
        try
        {
            // 8, 9 the answer
            _visitor.AnswerWatch.Begin(stream, _place.Tunnel.Session);
            AnswerHead head;
            do
            {
                ReadResult read = await stream.Input.ReadAsync();
                if (read.IsCanceled && FindGivenUp(stream) is { } given)
                {
                    stream.Input.AdvanceTo(read.Buffer.Start);
                    throw given;
                }

                head = _answer.TakeHead(stream, read);
                if (head == AnswerHead.Interim)
                {
                    await _answer.PassInterimAsync(_visitor);
                }
            }
            while (head is AnswerHead.NeedMore or AnswerHead.Interim);
            _visitor.AnswerWatch.End();
            stream.AnswerBegan();

            if (head == AnswerHead.Switch)
            {
                // A body goes first, to its end: only then may anybody speak another protocol (RFC 9110 section 7.8).
                if (await _upload.WholeAsync() is var sent and not UploadEnd.Complete)
                {
                    stream.Abort(ResetCode.Cancelled);
                    return await FailAsync(EdgeError.OriginInvalid, sent);
                }

                await _answer.SwitchAsync(_visitor, stream);
                return ExchangeEnd.Closed;
            }

            _place.Answered();
            _upload.StopCopying();
            bool isRequestWhole = _upload.IsComplete;
            keepAlive = _request.KeepAlive && !_visitor.IsStopping && isRequestWhole;
            keepAlive = await _answer.SendAsync(_visitor, stream, keepAlive, isRequestWhole);
        }
        catch (StreamResetException) when (_visitor.Ties.IsGone)
        {
            await _upload.EndAsync();
            _visitor.Abort();
            return ExchangeEnd.Closed;
        }
        catch (StreamResetException reset)
        {
            _place.Failed(reset.Code, mayRepeat: _request.Method.IsIdempotent && !_answer.HasPassedInterim);
            error = EdgeError.Of(reset.Code);
        }
        catch (AnswerGivenUpException given)
        {
            stream.Abort(given.Code);
            error = given.Error;
        }
        catch (BadAnswerException)
        {
            stream.Abort(ResetCode.OriginInvalid);
            error = EdgeError.OriginInvalid;
        }
        catch (ConnectionBrokenException)
        {
            // The visitor left while we wrote to it.
            stream.Abort(ResetCode.Cancelled);
            await _upload.EndAsync();
            return ExchangeEnd.Closed;
        }
        catch
        {
            // A fault of ours: the caller says so. The upload must not outlive the exchange.
            stream.Abort(ResetCode.InternalError);
            await _upload.EndAsync();
            throw;
        }

        UploadEnd end = await _upload.EndAsync();
        if (_place.MustMove && !_answer.HasBegun && end != UploadEnd.Broken)
        {
            if (_upload.CanRepeat)
            {
                if (_place.IsRepeated)
                {
                    _services.Metrics.RequestRepeated();
                    ServerLog.RequestRepeated(_services.Log, _record.IdText);
                }

                // Half a head of this session must not meet the next one's.
                _answer.Reset();
                return null;
            }

            error = EdgeError.SessionLost;
        }

        return error is null ? Finish(end, keepAlive) : await FailAsync(error, end);
    }

    // Nothing of the answer is there, and it is time to look: null, if it is waited for on.
    private AnswerGivenUpException? FindGivenUp(TunnelStream stream)
    {
        bool isAtHand = _upload is { IsComplete: true, CanRepeat: true } && !_answer.HasPassedInterim;
        switch (_place.JudgeDetached(stream, mayRepeat: isAtHand && RequestPlace.MayRunTwice(_request.Method)))
        {
            case DetachedVerdict.Moves:
                return new AnswerGivenUpException(EdgeError.SessionLost, ResetCode.Cancelled);
            case DetachedVerdict.GivesUp:
                // It may reach the origin all the same when the link is back: only who asks for nothing to change is told to try again.
                return new AnswerGivenUpException(RequestPlace.MayRunTwice(_request.Method) ? EdgeError.AgentOffline : EdgeError.SessionLost, ResetCode.Cancelled);
            default:
                return _visitor.AnswerWatch.IsLate(_upload.ContentBytes)
                    ? new AnswerGivenUpException(EdgeError.OriginTimeout, ResetCode.OriginTimeout)
                    : null;
        }
    }

    // The body, if there is one, goes on beside the answer; when the request has moved, from its first byte again.
    private async ValueTask SendRequestAsync(TunnelStream stream)
    {
        bool hasMoved = _place.Moves > 0;
        if (!hasMoved)
        {
            _hop = RequestHeadForwarder.Prepare(_request, _facts);
        }

        RequestHeadForwarder.Write(stream.Output, _request, _hop, _place.Tunnel, _facts, _record.Id);
        if (_request.Framing.HasContent && hasMoved)
        {
            _upload.Repeat(stream, _request);
            return;
        }

        if (_request.Framing.HasContent)
        {
            if (_request.ExpectsContinue)
            {
                _visitor.AwaitContinue();
            }

            _upload.Begin(_visitor, stream, _request);
            return;
        }

        if (_request.WantsUpgrade)
        {
            await stream.Output.FlushAsync();
        }
        else
        {
            await stream.Output.CompleteAsync();
        }

        _visitor.Input.Watch();
    }

    private static ExchangeEnd Finish(UploadEnd upload, bool keepAlive) =>
        keepAlive && upload == UploadEnd.Complete ? ExchangeEnd.Reusable : ExchangeEnd.AnsweredUnread;

    private async ValueTask<ExchangeEnd> FailAsync(EdgeError error, UploadEnd upload)
    {
        if (upload == UploadEnd.Broken)
        {
            if (_upload.Reason == RejectReason.None)
            {
                return ExchangeEnd.Closed;
            }

            error = EdgeError.Rejected(_upload.Reason);
        }

        if (_answer.HasBegun && !_visitor.Output.TryTakeBack())
        {
            // Never a complete-looking truncation: the visitor sees its connection break.
            _record.Error = error.Code;
            ServerLog.AnswerCut(_services.Log, error.Code, _record.IdText);
            _visitor.Abort();
            return ExchangeEnd.Closed;
        }

        return await RefuseAsync(error, isRead: upload == UploadEnd.Complete);
    }

    private async ValueTask<ExchangeEnd> RefuseAsync(EdgeError error, bool isRead)
    {
        bool keepAlive = isRead && _request.KeepAlive && !_visitor.IsStopping;
        Note(error);
        _record.PageBytes = ErrorPage.Write(_visitor.Output, error, _request, _record.IdText, keepAlive, _services.Rules.HstsFor(_visitor.Facts));
        await _visitor.Output.FlushAsync();
        return keepAlive ? ExchangeEnd.Reusable : ExchangeEnd.AnsweredUnread;
    }

    private void Note(EdgeError error)
    {
        _record.Status = error.Status;
        _record.Error = error.Code;
        ServerLog.RequestFailed(_services.Log, error.Code, error.Status, _facts.AddressText, _record.IdText);
        _services.Metrics.RequestFailed(error.Code);
    }

    // There is somebody behind the name, but not for what can be read here.
    private EdgeError Explain(EdgeError refusal) =>
        (refusal == EdgeError.TunnelNotFound || refusal == EdgeError.AgentOffline)
        && _services.IsForTlsOnly(Encoding.Latin1.GetString(_request.HostName))
            ? EdgeError.HttpsOnly
            : refusal;
}
