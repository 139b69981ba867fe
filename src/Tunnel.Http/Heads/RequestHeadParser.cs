using System.Buffers;
using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>
/// Reads request heads strictly by RFC 9112: whatever could be read in two ways is refused with a named reason
/// (<c>docs/http.md</c> has the table). One parser serves all requests of a connection. One empty line before a request
/// line is skipped, as section 2.2 asks of servers; a second one is refused. Not for several threads.
/// </summary>
public sealed class RequestHeadParser(HttpLimits limits) : LineParser(limits)
{
    private RequestHead? _head;
    private State _state;

    private enum State
    {
        Begin,
        AfterEmptyLine,
        FirstField,
        Fields,
    }

    /// <summary>
    /// Reads a head from the start of <paramref name="buffer"/>. On <see cref="ParseOutcome.NeedMore"/> call again with the
    /// same bytes and more behind them, and the same head; the parser remembers how far it came.
    /// </summary>
    /// <param name="buffer">Everything received and not consumed.</param>
    /// <param name="head">Reset when a message begins, filled as lines arrive, whole on Complete.</param>
    /// <param name="consumed">Behind the head on Complete, otherwise the start.</param>
    /// <param name="examined">Behind the head on Complete, otherwise the end.</param>
    public ParseOutcome Parse(
        in ReadOnlySequence<byte> buffer, RequestHead head, out SequencePosition consumed, out SequencePosition examined)
    {
        if (!IsUnderWay)
        {
            Reset();
            head.Reset();

            // A peer that speaks another protocol is told with its first byte, not when a limit or a deadline is reached.
            if (new SequenceReader<byte>(buffer).TryPeek(out var first)
                && first is not Octets.Cr and not Octets.Lf && !Octets.Token.Contains(first))
            {
                return Reject(RejectReason.InvalidMethod, buffer, out consumed, out examined);
            }
        }

        _head = head;
        return Run(buffer, head.Headers, out consumed, out examined);
    }

    private protected override (int End, RejectReason TooLong) Bound(int lineStart) =>
        _state is State.Begin or State.AfterEmptyLine && lineStart + Limits.MaxStartLineBytes < Limits.MaxHeadBytes
            ? (lineStart + Limits.MaxStartLineBytes, RejectReason.RequestLineTooLong)
            : base.Bound(lineStart);

    private protected override Step OnLine(HeaderList list, PageSlice line, out RejectReason reason)
    {
        reason = RejectReason.None;
        switch (_state)
        {
            case State.Begin when line.Length == 0:
                _state = State.AfterEmptyLine;
                return Step.Next;
            case State.AfterEmptyLine when line.Length == 0:
                reason = RejectReason.EmptyLinesBeforeRequest;
                return Step.Done;
            case State.Begin or State.AfterEmptyLine:
                reason = StartLine.ReadRequest(_head!, line);
                _state = State.FirstField;
                return Step.Next;
            default:
                if (line.Length == 0)
                {
                    reason = Judge(_head!);
                    return Step.Done;
                }

                reason = FieldLine.Read(list, line, Limits.MaxFields, _state == State.FirstField);
                _state = State.Fields;
                return Step.Next;
        }
    }

    private protected override void OnReset()
    {
        _state = State.Begin;
        _head = null;
    }

    /// <summary>What only the whole head can tell: routing, persistence, framing, expectations, upgrade.</summary>
    private static RejectReason Judge(RequestHead head)
    {
        var reason = JudgeHost(head);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        reason = ConnectionOptions.Read(head.Headers, out var connection);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        reason = FramingRules.ForRequest(head.Headers, head.Version, head.Method, out var framing);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        head.Framing = framing;
        head.KeepAlive = connection.Persists(head.Version);
        reason = JudgeExpectation(head);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        reason = JudgeMaxForwards(head);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        reason = UpgradeTokens.Collect(head.Headers, out var upgrade);

        // A server ignores Upgrade in HTTP/1.0 (RFC 9110 section 7.8).
        if (head.Version == ProtocolVersion.Http11 && connection.Upgrade)
        {
            head.UpgradeSlice = upgrade;
        }

        return reason;
    }

    /// <summary>
    /// RFC 9112 section 3.2: an HTTP/1.1 request has exactly one valid Host whatever its target; HTTP/1.0 may have none.
    /// With an absolute target the field is judged, then replaced by the target's authority (section 3.2.2).
    /// </summary>
    private static RejectReason JudgeHost(RequestHead head)
    {
        var headers = head.Headers;
        var at = headers.IndexOf(KnownHeader.Host, 0);
        if (at < 0)
        {
            if (head.Version == ProtocolVersion.Http11)
            {
                return RejectReason.HostMissing;
            }
        }
        else
        {
            var value = headers.Page.Entry(at).Value;
            if (headers.IndexOf(KnownHeader.Host, at + 1) >= 0)
            {
                return RejectReason.HostRepeated;
            }

            if (value.Length == 0)
            {
                return RejectReason.HostEmpty;
            }

            if (head.TargetForm is TargetForm.Origin or TargetForm.Asterisk)
            {
                return RequestTarget.TryTakeAuthority(head, value) ? RejectReason.None : RejectReason.HostInvalid;
            }

            if (!HostName.TryParse(headers.Page[value], out _, out _))
            {
                return RejectReason.HostInvalid;
            }
        }

        if (head.TargetForm == TargetForm.Absolute)
        {
            headers.SetValue(KnownHeader.Host, head.AuthoritySlice);
        }

        return RejectReason.None;
    }

    /// <summary>
    /// RFC 9110 section 10.1.1. HTTP/1.0 senders do not know it: theirs is dropped, so that the origin does not answer it.
    /// </summary>
    private static RejectReason JudgeExpectation(RequestHead head)
    {
        if (!head.Headers.TryGet(KnownHeader.Expect, out var value))
        {
            return RejectReason.None;
        }

        // An empty list expects nothing.
        if (head.Version == ProtocolVersion.Http10 || (value.IsEmpty && head.Headers.CountOf(KnownHeader.Expect) == 1))
        {
            head.Headers.Remove(KnownHeader.Expect);
            return RejectReason.None;
        }

        if (head.Headers.CountOf(KnownHeader.Expect) > 1 || !Ascii.EqualsIgnoreCase(value, "100-continue"u8))
        {
            return RejectReason.ExpectationUnsupported;
        }

        head.ExpectsContinue = head.Framing.HasContent;
        return RejectReason.None;
    }

    private static RejectReason JudgeMaxForwards(RequestHead head)
    {
        if (head.Method is not (RequestMethod.Trace or RequestMethod.Options)
            || !head.Headers.TryGet(KnownHeader.MaxForwards, out var value))
        {
            return RejectReason.None;
        }

        if (head.Headers.CountOf(KnownHeader.MaxForwards) > 1 || DecimalNumber.Read(value, out var hops) != NumberVerdict.Fine)
        {
            return RejectReason.MaxForwardsInvalid;
        }

        head.MaxForwards = hops;
        return RejectReason.None;
    }
}
