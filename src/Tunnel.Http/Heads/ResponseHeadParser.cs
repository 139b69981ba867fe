using System.Buffers;

namespace Tunnel.Http.Heads;

/// <summary>
/// Reads response heads as strictly as requests are read: neither agents nor origins are trusted with another reading.
/// Every refusal is a 502 of whoever asked, whatever <see cref="RejectReasons"/> says of requests. Each interim response is
/// a head of its own. Not for several threads.
/// </summary>
public sealed class ResponseHeadParser(HttpLimits limits) : LineParser(limits)
{
    private ResponseHead? _head;
    private RequestMethod _requestMethod;
    private State _state;

    private enum State
    {
        StatusLine,
        FirstField,
        Fields,
    }

    /// <summary>
    /// Reads a head from the start of <paramref name="buffer"/>. On <see cref="ParseOutcome.NeedMore"/> call again with the
    /// same bytes and more behind them, and the same head; the parser remembers how far it came.
    /// </summary>
    /// <param name="buffer">Everything received and not consumed.</param>
    /// <param name="head">Reset when a message begins, filled as lines arrive, whole on Complete.</param>
    /// <param name="requestMethod">The method this answers: a response to HEAD has no body.</param>
    /// <param name="consumed">Behind the head on Complete, otherwise the start.</param>
    /// <param name="examined">Behind the head on Complete, otherwise the end.</param>
    public ParseOutcome Parse(
        in ReadOnlySequence<byte> buffer,
        ResponseHead head,
        RequestMethod requestMethod,
        out SequencePosition consumed,
        out SequencePosition examined)
    {
        if (!IsUnderWay)
        {
            Reset();
            head.Reset();

            // A port that speaks another protocol is recognised by its first byte.
            if (new SequenceReader<byte>(buffer).TryPeek(out var first) && first != 'H')
            {
                return Reject(RejectReason.MalformedStatusLine, buffer, out consumed, out examined);
            }
        }

        _head = head;
        _requestMethod = requestMethod;
        return Run(buffer, head.Headers, out consumed, out examined);
    }

    private protected override (int End, RejectReason TooLong) Bound(int lineStart) =>
        _state == State.StatusLine && Limits.MaxStartLineBytes < Limits.MaxHeadBytes
            ? (Limits.MaxStartLineBytes, RejectReason.StatusLineTooLong)
            : base.Bound(lineStart);

    private protected override Step OnLine(HeaderList list, PageSlice line, out RejectReason reason)
    {
        if (_state == State.StatusLine)
        {
            reason = StartLine.ReadStatus(_head!, line);
            _state = State.FirstField;
            return Step.Next;
        }

        if (line.Length == 0)
        {
            reason = Judge(_head!, _requestMethod);
            return Step.Done;
        }

        reason = FieldLine.Read(list, line, Limits.MaxFields, _state == State.FirstField);
        _state = State.Fields;
        return Step.Next;
    }

    private protected override void OnReset()
    {
        _state = State.StatusLine;
        _head = null;
    }

    private static RejectReason Judge(ResponseHead head, RequestMethod requestMethod)
    {
        var reason = ConnectionOptions.Read(head.Headers, out var connection);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        reason = FramingRules.ForResponse(head.Headers, head.Version, head.Status, requestMethod, out var framing, out var mayPersist);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        head.Framing = framing;
        head.KeepAlive = mayPersist && !head.IsSwitch && framing.Kind != BodyKind.UntilClose && connection.Persists(head.Version);
        return head.IsSwitch ? JudgeSwitch(head, connection) : RejectReason.None;
    }

    /// <summary>A 101 says what it switches to (RFC 9110 section 15.2.2), with <c>Connection: upgrade</c>.</summary>
    private static RejectReason JudgeSwitch(ResponseHead head, ConnectionOptions connection)
    {
        var reason = UpgradeTokens.Collect(head.Headers, out var upgrade);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        head.UpgradeSlice = upgrade;
        return upgrade.Length > 0 && connection.Upgrade && head.Version == ProtocolVersion.Http11
            ? RejectReason.None
            : RejectReason.UpgradeUnconfirmed;
    }
}
