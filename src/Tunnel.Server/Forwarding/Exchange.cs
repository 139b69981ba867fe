using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Edge;
using Tunnel.Server.Routing;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Forwarding;

/// <summary>What an exchange means for the visitor's connection.</summary>
internal enum ExchangeEnd
{
    /// <summary>Both messages are complete: another request may follow (step 10).</summary>
    Reusable,

    /// <summary>The answer is complete, the connection is not to be used again.</summary>
    AnsweredUnread,

    /// <summary>The connection has ended, or is to end as it stands.</summary>
    Closed,
}

/// <summary>
/// One request and its answer, from the routed head to the last byte (DESIGN section 3, steps 3 to 10). One object
/// serves all exchanges of a connection, one after the other.
/// </summary>
internal sealed class Exchange
{
    /// <summary>More interim answers than any origin has a reason for.</summary>
    private const int MostInterim = 64;

    private readonly EdgeServices _services;
    private readonly VisitorConnection _visitor;
    private readonly VisitorFacts _peer;
    private VisitorFacts _facts;
    private readonly AnswerSender _answer;
    private readonly RequestBodySender _upload;
    private readonly ExchangeRecord _record;
    private TunnelStream? _stream;
    private readonly bool _isTrusted;
    private volatile bool _isCancelled;
    private bool _answerBegan;
    private long _lastMoved;

    public Exchange(EdgeServices services, VisitorConnection visitor, VisitorFacts facts)
    {
        _services = services;
        _visitor = visitor;
        _record = new ExchangeRecord(services);
        _peer = facts;
        _facts = facts;
        _isTrusted = services.Options.TrustedProxies.Contains(facts.Peer);
        _answer = new AnswerSender(services.Pool, services.Options.Http);
        _upload = new RequestBodySender(services.Pool, services.Options, services.Time);
    }

    private RequestHead Request => _visitor.Request;

    /// <summary>Whether the answer made progress since this was last asked.</summary>
    public bool HasMoved()
    {
        long moved = _answer.ContentBytes;
        bool hasMoved = moved != _lastMoved;
        _lastMoved = moved;
        return hasMoved;
    }

    /// <summary>The visitor is gone: the exchange under way ends, and every later one at once. Safe from any thread.</summary>
    public void Cancel()
    {
        _isCancelled = true;
        Interlocked.MemoryBarrier();
        Volatile.Read(ref _stream)?.Abort(ResetCode.Cancelled);
    }

    /// <summary>Gives all buffers back.</summary>
    public void Reset()
    {
        _answer.Reset();
        _upload.Reset();
    }

    /// <summary>Serves the request whose head has just been read.</summary>
    /// <exception cref="IOException">The visitor's connection broke.</exception>
    public async ValueTask<ExchangeEnd> RunAsync()
    {
        _answerBegan = false;
        _facts = _isTrusted ? ProxyWord.Read(_peer, Request.Headers, _services.Options.TrustedProxies) : _peer;
        _record.Begin(Request);
        _services.Metrics.RequestStarted();
        try
        {
            return await ServeAsync();
        }
        finally
        {
            _record.End(Request, _facts.AddressText, _upload.ContentBytes, _answer.ContentBytes);
            _stream = null;
            Reset();
        }
    }

    /// <summary>Answers a request that could not be read.</summary>
    public async ValueTask RejectAsync(RejectReason reason)
    {
        _facts = _peer;
        _record.Begin(null);
        _services.Metrics.RequestStarted();
        await RefuseAsync(EdgeError.Rejected(reason), isRead: false);
        _record.End(Request, _facts.AddressText, 0, 0);
    }

    private async ValueTask<ExchangeEnd> ServeAsync()
    {
        if (Request.IsConnect)
        {
            return await RefuseAsync(EdgeError.Rejected(RejectReason.ConnectRefused), isRead: false);
        }

        if (Request.Framing.Length > _services.Options.MaxBody)
        {
            return await RefuseAsync(EdgeError.Rejected(RejectReason.BodyTooLarge), isRead: false);
        }

        if (Request.MaxForwards == 0)
        {
            // The sender wants to hear from the last hop that may have it, and that is us (RFC 9110 section 7.6.2).
            return await RefuseAsync(EdgeError.LastHop, isRead: !Request.Framing.HasContent);
        }

        // 3 route by Host
        Route route = await _services.Registry.FindAsync(Request.HostName);
        if (route.Tunnel is not { } tunnel)
        {
            EdgeError error = route.Outcome == RouteOutcome.Offline ? EdgeError.AgentOffline : EdgeError.TunnelNotFound;
            return await RefuseAsync(error, isRead: !Request.Framing.HasContent);
        }

        using TunnelStream? stream = tunnel.Session.TryOpen(
            new OpenHeader(StreamType.Http, _facts.Scheme, tunnel.Id, _facts.Address, AnswerWindow: 0));
        if (stream is null)
        {
            return await RefuseAsync(NotTaken(tunnel), isRead: !Request.Framing.HasContent);
        }

        Interlocked.Exchange(ref _stream, stream);
        if (_isCancelled)
        {
            stream.Abort(ResetCode.Cancelled);
        }

        _record.Routed();
        return await ForwardAsync(stream, tunnel);
    }

    private async ValueTask<ExchangeEnd> ForwardAsync(TunnelStream stream, ServedTunnel tunnel)
    {
        // 4 rewrite, 5 send
        BodyFraming framing = Request.Framing;
        RequestHeadForwarder.Write(stream.Output, Request, tunnel, _facts, _record.Id);
        if (framing.HasContent)
        {
            if (Request.ExpectsContinue)
            {
                _visitor.AwaitContinue();
            }

            _upload.Begin(_visitor, stream, framing);
        }
        else
        {
            if (Request.WantsUpgrade)
            {
                await stream.Output.FlushAsync();
            }
            else
            {
                await stream.Output.CompleteAsync();
            }

            _visitor.Input.Watch();
        }

        EdgeError? error = null;
        bool keepAlive = false;
        try
        {
            // 8, 9 the answer
            if (!await ReadFinalHeadAsync(stream))
            {
                return await SwitchAsync(stream);
            }

            keepAlive = Request.KeepAlive && !_visitor.IsStopping && _upload.IsComplete;
            keepAlive = await SendAnswerAsync(stream, keepAlive);
        }
        catch (StreamResetException) when (_isCancelled)
        {
            await _upload.EndAsync();
            _visitor.Abort();
            return ExchangeEnd.Closed;
        }
        catch (StreamResetException reset)
        {
            error = reset.Code == ResetCode.NotProcessed ? NotTaken(tunnel) : EdgeError.Of(reset.Code);
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
        return error is null ? Finish(end, keepAlive) : await FailAsync(error, end);
    }

    // Interim answers pass; returns false when the final one is a 101.
    private async ValueTask<bool> ReadFinalHeadAsync(TunnelStream stream)
    {
        for (int interim = 0; interim <= MostInterim; interim++)
        {
            await _answer.ReadHeadAsync(stream.Input, Request.Method);
            ResponseHead head = _answer.Head;
            if (head.IsSwitch)
            {
                return UpgradeTokens.Confirms(Request.Upgrade, head.Upgrade)
                    ? false
                    : throw new BadAnswerException(RejectReason.UpgradeUnconfirmed);
            }

            if (!head.IsInterim)
            {
                _record.Answered();
                return true;
            }

            // HTTP/1.0 does not know interim answers (RFC 9110 section 15.2).
            if (Request.Version == ProtocolVersion.Http11)
            {
                AnswerHeadForwarder.WriteInterim(_visitor.Output, head);
                await _visitor.Output.FlushAsync();
                _visitor.UploadMayBegin();
            }
        }

        throw new BadAnswerException(RejectReason.InvalidStatusCode);
    }

    private async ValueTask<bool> SendAnswerAsync(TunnelStream stream, bool keepAlive)
    {
        if (Request.WantsUpgrade)
        {
            // The origin declined: the request ends here (docs/protocol.md, section 12).
            await stream.Output.CompleteAsync();
        }

        BodyFraming framing = AnswerHeadForwarder.FramingFor(Request.Version, _answer.Head.Framing);
        keepAlive &= framing.Kind != BodyKind.UntilClose;
        _answerBegan = true;
        _record.Status = _answer.Head.Status;
        if (!_answer.Head.Headers.Contains(KnownHeader.Date))
        {
            _answer.Head.Headers.Set(KnownHeader.Date, _services.Date.Now);
        }

        AnswerHeadForwarder.Write(_visitor.Output, _answer.Head, Request.Version, framing, keepAlive);
        return await _answer.SendBodyAsync(stream.Input, _visitor.Output, framing) && keepAlive;
    }

    // The session was found but takes no request: it is on its way out, or has too many.
    private static EdgeError NotTaken(ServedTunnel tunnel) =>
        tunnel.Session.IsLeaving || tunnel.Session.Ended.IsCompleted ? EdgeError.AgentOffline : EdgeError.TooBusy;

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

        if (_answerBegan)
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
        bool keepAlive = isRead && Request.KeepAlive && !_visitor.IsStopping;
        string requestId = _record.IdText;
        _record.Status = error.Status;
        _record.Error = error.Code;
        ServerLog.RequestFailed(_services.Log, error.Code, error.Status, _facts.AddressText, requestId);
        _services.Metrics.RequestFailed(error.Code);
        ErrorPage.Write(_visitor.Output, error, Request, requestId, keepAlive);
        await _visitor.Output.FlushAsync();
        return keepAlive ? ExchangeEnd.Reusable : ExchangeEnd.AnsweredUnread;
    }

    // After a 101 both directions are raw bytes, and each ends by itself.
    private async ValueTask<ExchangeEnd> SwitchAsync(TunnelStream stream)
    {
        _answerBegan = true;
        _record.Status = _answer.Head.Status;
        AnswerHeadForwarder.WriteInterim(_visitor.Output, _answer.Head);
        await _visitor.Output.FlushAsync();
        _answer.Reset();
        if (_services.AccessLog is null)
        {
            // Nobody will ask for it again, and this may take hours.
            Request.Reset();
        }

        _visitor.EnterRaw();
        await RawRelay.RunAsync(_visitor, stream);
        return ExchangeEnd.Closed;
    }
}
