using System.IO.Pipelines;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Steps 8 and 9: what an exchange does with the answer it gets: interim ones pass, a final one goes to the visitor, a 101
/// that was asked for turns the connection over. Serves the exchanges of its <see cref="Exchange"/>, one after the other.
/// </summary>
internal sealed class AnswerRelay(ForwardingServices services, RequestHead request, ExchangeRecord record)
{
    /// <summary>More interim answers than any origin has a reason for.</summary>
    private const int MostInterim = 64;

    private readonly AnswerSender _sender = new(services.Pool, services.Options.Http, services.Memory.Piece);
    private int _interim;
    private LocalServer? _local;
    private HeaderRules? _rules;
    private VisitorFacts _connected = null!;
    private VisitorFacts _visitor = null!;

    /// <summary>Some of the final answer has been written, so that no other can take its place without taking it back.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>The visitor has got an interim answer of this request.</summary>
    public bool HasPassedInterim { get; private set; }

    /// <summary>Content bytes passed on.</summary>
    public long ContentBytes => _sender.ContentBytes;

    /// <summary>The answer is of this tunnel's local server, to this visitor.</summary>
    /// <param name="connected">Who is connected: the visitor, or a proxy.</param>
    public void Begin(ServedTunnel tunnel, VisitorFacts connected, VisitorFacts visitor)
    {
        _local = tunnel.Local;
        _rules = tunnel.AnswerHeaders;
        _connected = connected;
        _visitor = visitor;
    }

    /// <summary>Takes the next head out of what was read off the stream, if it is whole.</summary>
    /// <exception cref="BadAnswerException">What came is no answer, or one too many.</exception>
    public AnswerHead TakeHead(ITunnelStream stream, in ReadResult read)
    {
        if (!_sender.TryTakeHead(stream.Input, read, request.Method))
        {
            return AnswerHead.NeedMore;
        }

        ResponseHead head = _sender.Head;
        if (_local is not null)
        {
            VisibleOrigin.TurnBack(head.Headers, _local, _visitor, RequestHeadForwarder.PublicAuthority(request, _visitor));
        }

        if (head.IsSwitch)
        {
            return UpgradeTokens.Confirms(request.Upgrade, head.Upgrade)
                ? AnswerHead.Switch
                : throw new BadAnswerException(RejectReason.UpgradeUnconfirmed);
        }

        if (!head.IsInterim)
        {
            record.Answered();
            return AnswerHead.Final;
        }

        return ++_interim <= MostInterim ? AnswerHead.Interim : throw new BadAnswerException(RejectReason.InvalidStatusCode);
    }

    /// <summary>Passes the interim answer on whose head was read.</summary>
    /// <exception cref="IOException">The visitor's connection broke.</exception>
    public async ValueTask PassInterimAsync(IVisitorAnswer visitor)
    {
        // HTTP/1.0 does not know interim answers (RFC 9110 section 15.2).
        if (request.Version == ProtocolVersion.Http11)
        {
            HasPassedInterim = true;
            AnswerHeadForwarder.Prepare(_sender.Head.Headers);
            await visitor.PassInterimAsync(_sender.Head);
        }
    }

    /// <summary>Sends the answer whose head was read, to its last byte. Returns whether the connection may be kept.</summary>
    /// <exception cref="BadAnswerException">The body breaks a rule, or ended too soon.</exception>
    /// <exception cref="IOException">The stream was reset, or the visitor's connection broke.</exception>
    /// <param name="isRequestWhole">Nobody else writes to the stream any more.</param>
    /// <param name="hasLogin">A login lives on the visitor's connection.</param>
    public async ValueTask<bool> SendAsync(IVisitorAnswer visitor, ITunnelStream stream, bool keepAlive, bool isRequestWhole, bool hasLogin)
    {
        if (request.WantsUpgrade && isRequestWhole)
        {
            // The origin declined: the request ends here (docs/protocol.md, section 12). If its body is still on its way, the
            // agent that has the whole answer wants no more of it.
            await stream.Output.CompleteAsync();
        }

        ResponseHead head = _sender.Head;

        // A login that lives on the origin's connection ends with it, and so does the visitor's, as it would without us.
        keepAlive &= !hasLogin || head.KeepAlive;
        record.Status = head.Status;
        AnswerHeadForwarder.Prepare(head.Headers);
        _rules?.Apply(head.Headers);
        if (!head.Headers.Contains(KnownHeader.Date))
        {
            head.Headers.Set(KnownHeader.Date, services.Date.Now);
        }

        services.Rules.Announce(head.Headers, _connected);
        HasBegun = true;
        BodyFraming framing = visitor.WriteHead(head, request, ref keepAlive);
        return await _sender.SendBodyAsync(stream.Input, visitor.Body, framing) && keepAlive;
    }

    /// <summary>Passes the 101 on. From then on both directions are raw bytes, and each ends by itself; returns when both have.</summary>
    /// <exception cref="IOException">The visitor's connection broke.</exception>
    public async ValueTask SwitchAsync(IVisitorRequest from, IVisitorAnswer visitor, ITunnelStream stream)
    {
        HasBegun = true;
        record.Status = _sender.Head.Status;
        AnswerHeadForwarder.Prepare(_sender.Head.Headers);
        _rules?.Apply(_sender.Head.Headers);
        await visitor.PassInterimAsync(_sender.Head);
        _sender.Reset();
        if (services.AccessLog is null)
        {
            // Nobody will ask for it again, and this may take hours.
            request.Reset();
        }

        visitor.EnterRaw();
        await RawRelay.RunAsync(from.Body, visitor.Body, visitor.Abort, stream, services.Memory.Piece);
    }

    /// <summary>Gives all buffers back, and forgets what has been read: the next answer may come from another session.</summary>
    public void Reset()
    {
        HasBegun = false;
        HasPassedInterim = false;
        _interim = 0;
        _local = null;
        _rules = null;
        _connected = null!;
        _visitor = null!;
        _sender.Reset();
    }
}

/// <summary>What a read of the stream has brought of an answer's head.</summary>
internal enum AnswerHead
{
    NeedMore,

    /// <summary>A 1xx; others follow.</summary>
    Interim,

    Final,

    /// <summary>A 101 that was asked for.</summary>
    Switch,
}
