using System.Buffers;
using Tunnel.Http.Heads;

namespace Tunnel.Http.Bodies;

/// <summary>Reads a trailer section (RFC 9112 section 7.1.2) with the rules and limits of a head's fields.</summary>
internal sealed class TrailerParser(HttpLimits limits) : LineParser(limits)
{
    private bool _first = true;

    public ParseOutcome Parse(
        in ReadOnlySequence<byte> buffer, HeaderList trailers, out SequencePosition consumed, out SequencePosition examined) =>
        Run(buffer, trailers, out consumed, out examined);

    private protected override (int End, RejectReason TooLong) Bound(int lineStart) =>
        (Limits.MaxHeadBytes, RejectReason.TrailersTooLarge);

    private protected override Step OnLine(HeaderList list, PageSlice line, out RejectReason reason)
    {
        if (line.Length == 0)
        {
            reason = RejectReason.None;
            return Step.Done;
        }

        reason = FieldLine.Read(list, line, Limits.MaxFields, _first);
        _first = false;
        return Step.Next;
    }

    private protected override void OnReset() => _first = true;
}
