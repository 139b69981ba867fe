using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;
using Tunnel.Server.Diagnostics;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// One request and its answer, from the first byte of the head to the last of the answer (docs/architecture.md,
/// "The way of one request", steps 2 to 10). Serves one visitor at a time, from <see cref="Begin"/> to <see cref="Reset"/>; the <see cref="ExchangeShelf"/>
/// hands it out. Only the visitor's own task touches it.
/// </summary>
internal sealed class Exchange
{
    private readonly ForwardingServices _services;
    private readonly RequestHead _request;
    private readonly RequestHeadParser _parser;
    private readonly AnswerRelay _answer;
    private readonly OwnAnswer _own;
    private readonly AnswerWatch _watch;
    private readonly RequestBodySender _upload;
    private readonly ExchangeRecord _record;
    private readonly SessionSearch _search;
    private IVisitorRequest _from = null!;
    private IVisitorAnswer _to = null!;
    private VisitorFacts _facts = null!;
    private HopByHopReport _hop;

    public Exchange(ForwardingServices services)
    {
        _services = services;
        _request = new RequestHead(services.Pool);
        _parser = new RequestHeadParser(services.Options.Http);
        _record = new ExchangeRecord(services);
        _answer = new AnswerRelay(services, _request, _record);
        _upload = new RequestBodySender(services.Pool, services.Memory.Copies, services.Options, services.Time);
        _own = new OwnAnswer(services, _request, _record);
        _watch = new AnswerWatch(services);
        _search = new SessionSearch(services);
    }

    /// <summary>Why the head was refused, after <see cref="ParseOutcome.Rejected"/>.</summary>
    public RejectReason Reason => _parser.Reason;

    /// <summary>Belongs to this visitor from here on.</summary>
    public void Begin(IVisitorRequest from, IVisitorAnswer to)
    {
        _from = from;
        _to = to;
        _facts = from.Facts;
    }

    /// <summary>Gives all buffers back and forgets the visitor.</summary>
    public void Reset()
    {
        _parser.Reset();
        _request.Reset();
        _answer.Reset();
        _upload.Reset();
        _search.Reset();
        _from = null!;
        _to = null!;
        _facts = null!;
    }

    /// <summary>Serves nobody any more; after <see cref="Reset"/>.</summary>
    public void Retire() => _watch.Close();

    /// <summary>Step 2: reads the head, as <see cref="RequestHeadParser.Parse"/> does.</summary>
    public ParseOutcome Parse(in ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined) =>
        _parser.Parse(buffer, _request, out consumed, out examined);

    /// <summary>Serves the request whose head has just been read.</summary>
    /// <exception cref="IOException">The visitor's connection broke.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ExchangeEnd> RunAsync()
    {
        TrustedProxies trusted = _services.Options.Front.TrustedProxies;
        if (trusted.Contains(_facts.Peer))
        {
            _facts = ProxyWord.Read(_facts, _request.Headers, trusted, _services.Options.Front.ProxyFields);
        }

        _record.Begin(_request);
        _services.Metrics.RequestStarted();
        try
        {
            // A proof that an order of this server waits for; what others ask in the same way is theirs.
            if (_services.Proofs?.FindHttp(_request.HostName, _request.Target) is { } proof)
            {
                return await RefuseAsync(EdgeError.Proof(proof), isRead: !_request.Framing.HasContent);
            }

            if (_services.Rules.Judge(_request, _from.Facts, _facts) is { } broken)
            {
                return await RefuseAsync(broken, isRead: !_request.Framing.HasContent && !_request.IsConnect);
            }

            // 3 route by Host; what is not HTTP to its agent is not reached by HTTP
            _search.Begin();
            while (true)
            {
                if (await _search.TakeAsync(_from, _request, _facts) is { } refusal)
                {
                    return _from.Lifetime.IsGone ? ExchangeEnd.Closed : await RefuseAsync(_own.Explain(refusal), isRead: !_request.Framing.HasContent);
                }

                using ITunnelStream stream = _search.Stream;
                _record.Token = _search.Tunnel.Session.TokenName;
                if (await _search.JudgeAsync(_request, _facts) is { } denial)
                {
                    // Nothing of the stream has been sent.
                    return await RefuseAsync(denial, isRead: !_request.Framing.HasContent);
                }

                _from.Lifetime.Attach(stream);
                _from.Lifetime.Settle();
                _record.Routed();
                if (await ForwardAsync(stream) is { } end)
                {
                    return end;
                }
            }
        }
        finally
        {
            _watch.End();
            _from.Lifetime.Detach();
            _search.Leave();
            _record.End(_request, _facts.AddressText, _upload.ContentBytes, _answer.ContentBytes);
        }
    }

    /// <summary>Answers a request that could not be read.</summary>
    public async ValueTask RejectAsync(RejectReason reason)
    {
        _record.Begin(null);
        _services.Metrics.RequestStarted();
        await RefuseAsync(EdgeError.Rejected(reason), isRead: false);
        _record.End(_request, _facts.AddressText, 0, 0);
    }

    // Null: the session did not take the request, and it may go to another one.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ExchangeEnd?> ForwardAsync(ITunnelStream stream)
    {
        // 4 rewrite, 5 send
        _answer.Begin(_search.Tunnel, _from.Facts, _facts);
        await SendRequestAsync(stream);
        EdgeError? error = null;
        bool keepAlive = false;
        try
        {
            // 8, 9 the answer
            _watch.Begin(stream, _search.Tunnel.Session);
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
                    await _answer.PassInterimAsync(_to);
                }
            }
            while (head is AnswerHead.NeedMore or AnswerHead.Interim);
            _watch.End();
            stream.AnswerBegan();

            if (head == AnswerHead.Switch)
            {
                // A body goes first, to its end: only then may anybody speak another protocol (RFC 9110 section 7.8).
                if (await _upload.WholeAsync() is var sent and not UploadEnd.Complete)
                {
                    stream.Abort(ResetCode.Cancelled);
                    return await FailAsync(EdgeError.OriginInvalid, sent);
                }

                await _answer.SwitchAsync(_from, _to, stream);
                return ExchangeEnd.Closed;
            }

            _search.Answered();
            _upload.StopCopying();
            bool isRequestWhole = _upload.IsComplete;
            keepAlive = _request.KeepAlive && !_to.IsLast && isRequestWhole;
            keepAlive = await _answer.SendAsync(_to, stream, keepAlive, isRequestWhole, hasLogin: _from.Lifetime.Login is not null);
        }
        catch (StreamResetException) when (_from.Lifetime.IsGone)
        {
            await _upload.EndAsync();
            _to.Abort();
            return ExchangeEnd.Closed;
        }
        catch (StreamResetException reset)
        {
            _search.Failed(reset.Code, mayRepeat: _request.Method.IsIdempotent && !_answer.HasPassedInterim);
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
        if (_search.MustMove && !_answer.HasBegun && end != UploadEnd.Broken)
        {
            if (_upload.CanRepeat)
            {
                if (_search.IsRepeated)
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
    private AnswerGivenUpException? FindGivenUp(ITunnelStream stream)
    {
        bool isAtHand = _upload is { IsComplete: true, CanRepeat: true } && !_answer.HasPassedInterim;
        switch (_search.JudgeDetached(stream, mayRepeat: isAtHand && SessionSearch.MayRunTwice(_request.Method)))
        {
            case DetachedVerdict.Moves:
                return new AnswerGivenUpException(EdgeError.SessionLost, ResetCode.Cancelled);
            case DetachedVerdict.GivesUp:
                // It may reach the origin all the same when the link is back: only who asks for nothing to change is told to try again.
                return new AnswerGivenUpException(SessionSearch.MayRunTwice(_request.Method) ? EdgeError.AgentOffline : EdgeError.SessionLost, ResetCode.Cancelled);
            default:
                return _watch.IsLate(_upload.ContentBytes)
                    ? new AnswerGivenUpException(EdgeError.OriginTimeout, ResetCode.OriginTimeout)
                    : null;
        }
    }

    // The body, if there is one, goes on beside the answer; when the request has moved, from its first byte again.
    private async ValueTask SendRequestAsync(ITunnelStream stream)
    {
        bool hasMoved = _search.Moves > 0;
        if (!hasMoved)
        {
            _hop = RequestHeadForwarder.Prepare(_request, _facts);
        }

        RequestHeadForwarder.Write(stream.Output, _request, _hop, _search.Tunnel, _facts, _record.Id);
        if (_request.Framing.HasContent && hasMoved)
        {
            _upload.Repeat(stream, _request);
            return;
        }

        if (_request.Framing.HasContent)
        {
            if (_request.ExpectsContinue)
            {
                _from.AwaitContinue();
            }

            _upload.Begin(_from, stream, _request);
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

        _from.Watch();
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

        return _answer.HasBegun && !_to.TryTakeBack()
            ? _own.Cut(_to, error)
            : await RefuseAsync(error, isRead: upload == UploadEnd.Complete);
    }

    private ValueTask<ExchangeEnd> RefuseAsync(EdgeError error, bool isRead) => _own.RefuseAsync(_to, _facts, error, isRead);
}
