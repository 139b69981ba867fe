using System.Runtime.CompilerServices;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;
using Tunnel.Server.Edge;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Steps 8 and 9: what an exchange does with the answer it gets: interim ones pass, a final one goes to the visitor, a 101
/// that was asked for turns the connection over. Serves the exchanges of its <see cref="Exchange"/>, one after the other.
/// </summary>
internal sealed class AnswerRelay(EdgeServices services, RequestHead request, ExchangeRecord record)
{
    /// <summary>More interim answers than any origin has a reason for.</summary>
    private const int MostInterim = 64;

    private readonly AnswerSender _sender = new(services.Pool, services.Options.Http);

    /// <summary>Some of the final answer has been written, so that no other can take its place without taking it back.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Content bytes passed on.</summary>
    public long ContentBytes => _sender.ContentBytes;

    /// <summary>Reads heads until the final one. False when that is a 101.</summary>
    /// <exception cref="BadAnswerException">What came is no answer.</exception>
    /// <exception cref="IOException">The stream was reset, or the visitor's connection broke.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadFinalHeadAsync(VisitorConnection visitor, TunnelStream stream)
    {
        for (int interim = 0; interim <= MostInterim; interim++)
        {
            while (!_sender.TryTakeHead(stream.Input, await stream.Input.ReadAsync(), request.Method))
            {
            }

            ResponseHead head = _sender.Head;
            if (head.IsSwitch)
            {
                return UpgradeTokens.Confirms(request.Upgrade, head.Upgrade)
                    ? false
                    : throw new BadAnswerException(RejectReason.UpgradeUnconfirmed);
            }

            if (!head.IsInterim)
            {
                record.Answered();
                return true;
            }

            // HTTP/1.0 does not know interim answers (RFC 9110 section 15.2).
            if (request.Version == ProtocolVersion.Http11)
            {
                AnswerHeadForwarder.WriteInterim(visitor.Output, head);
                await visitor.Output.FlushAsync();
                visitor.UploadMayBegin();
            }
        }

        throw new BadAnswerException(RejectReason.InvalidStatusCode);
    }

    /// <summary>Sends the answer whose head was read, to its last byte. Returns whether the connection may be kept.</summary>
    /// <inheritdoc cref="ReadFinalHeadAsync" path="/exception"/>
    public async ValueTask<bool> SendAsync(VisitorConnection visitor, TunnelStream stream, bool keepAlive)
    {
        if (request.WantsUpgrade)
        {
            // The origin declined: the request ends here (docs/protocol.md, section 12).
            await stream.Output.CompleteAsync();
        }

        ResponseHead head = _sender.Head;
        BodyFraming framing = AnswerHeadForwarder.FramingFor(request.Version, head.Framing);
        keepAlive &= framing.Kind != BodyKind.UntilClose;
        record.Status = head.Status;
        if (!head.Headers.Contains(KnownHeader.Date))
        {
            head.Headers.Set(KnownHeader.Date, services.Date.Now);
        }

        services.Rules.Announce(head.Headers, visitor.Facts);
        HasBegun = true;
        visitor.Output.Mark();
        AnswerHeadForwarder.Write(visitor.Output, head, request.Version, framing, keepAlive);
        return await _sender.SendBodyAsync(stream.Input, visitor.Output, framing) && keepAlive;
    }

    /// <summary>Passes the 101 on. From then on both directions are raw bytes, and each ends by itself; returns when both have.</summary>
    /// <inheritdoc cref="ReadFinalHeadAsync" path="/exception"/>
    public async ValueTask SwitchAsync(VisitorConnection visitor, TunnelStream stream)
    {
        HasBegun = true;
        visitor.Output.Mark();
        record.Status = _sender.Head.Status;
        AnswerHeadForwarder.WriteInterim(visitor.Output, _sender.Head);
        await visitor.Output.FlushAsync();
        _sender.Reset();
        if (services.AccessLog is null)
        {
            // Nobody will ask for it again, and this may take hours.
            request.Reset();
        }

        visitor.EnterRaw();
        await RawRelay.RunAsync(visitor.Input, visitor.Output, visitor.Abort, stream);
    }

    /// <summary>Gives all buffers back, and forgets what has been read: the next answer may come from another session.</summary>
    public void Reset()
    {
        HasBegun = false;
        _sender.Reset();
    }
}
