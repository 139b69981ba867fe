using System.Buffers;

namespace Tunnel.Http.Heads;

/// <summary>
/// The engine under the parsers of heads and trailer sections: it takes whole lines out of whatever pieces arrive. Bytes
/// are copied once, into the list's page, as far as they have been searched for a line end; so every byte is searched and
/// copied once however small the pieces are, and the verdict on a line never depends on how it was cut. Nothing is
/// consumed before the last line: the caller shows the same bytes again, with more behind them.
/// </summary>
public abstract class LineParser
{
    private readonly int _maxBytes;

    /// <summary>Bytes of the message taken so far, and how many of them belong to lines already judged.</summary>
    private int _taken;
    private int _judged;

    /// <summary>Where the line under way lies in the page, which holds more than the message.</summary>
    private PageSlice _line;

    private protected LineParser(HttpLimits limits)
    {
        Limits = limits;
        _maxBytes = limits.MaxHeadBytes;
    }

    /// <summary>Why the last message was refused; <see cref="RejectReason.None"/> otherwise.</summary>
    public RejectReason Reason { get; private set; }

    /// <summary>Whether some bytes of a message, but not all, have been seen: an end of input is a truncation then.</summary>
    public bool IsUnderWay => _taken > 0;

    private protected HttpLimits Limits { get; }

    private protected enum Step
    {
        /// <summary>The line was fine; another follows.</summary>
        Next,

        /// <summary>That was the last line.</summary>
        Done,
    }

    /// <summary>Forgets a message that is under way; the next call begins a new one.</summary>
    public void Reset()
    {
        _taken = 0;
        _judged = 0;
        _line = default;
        Reason = RejectReason.None;
        OnReset();
    }

    private protected ParseOutcome Run(
        in ReadOnlySequence<byte> buffer, HeaderList list, out SequencePosition consumed, out SequencePosition examined)
    {
        foreach (var segment in _taken == 0 ? buffer : buffer.Slice(_taken))
        {
            var rest = segment.Span;
            while (!rest.IsEmpty)
            {
                var (bound, tooLong) = Bound(_judged);
                var window = rest[..Math.Min(rest.Length, bound - _taken)];
                var lineFeed = window.IndexOf(Octets.Lf);
                var piece = lineFeed < 0 ? window : window[..(lineFeed + 1)];
                var copy = list.Page.Append(piece);
                _line = new PageSlice(_line.Length == 0 ? copy.Start : _line.Start, _line.Length + copy.Length);
                _taken += piece.Length;
                rest = rest[piece.Length..];
                var reason = RejectReason.None;
                if (lineFeed >= 0)
                {
                    var step = TakeLine(list, out reason);
                    if (reason == RejectReason.None && step == Step.Done)
                    {
                        consumed = examined = buffer.GetPosition(_taken);
                        Reset();
                        return ParseOutcome.Complete;
                    }
                }
                else if (_taken == bound)
                {
                    reason = tooLong;
                }

                if (reason != RejectReason.None)
                {
                    return Reject(reason, buffer, out consumed, out examined);
                }
            }
        }

        consumed = buffer.Start;
        examined = buffer.End;
        return ParseOutcome.NeedMore;
    }

    private protected ParseOutcome Reject(
        RejectReason reason, in ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined)
    {
        Reset();
        Reason = reason;
        consumed = buffer.Start;
        examined = buffer.End;
        return ParseOutcome.Rejected;
    }

    /// <summary>Where a line that begins at <paramref name="lineStart"/> must have ended, and the reason if it has not.</summary>
    private protected virtual (int End, RejectReason TooLong) Bound(int lineStart) => (_maxBytes, RejectReason.HeadTooLarge);

    /// <summary>Judges one line, without its CRLF; empty lines included.</summary>
    private protected abstract Step OnLine(HeaderList list, PageSlice line, out RejectReason reason);

    private protected abstract void OnReset();

    private Step TakeLine(HeaderList list, out RejectReason reason)
    {
        var line = new PageSlice(_line.Start, _line.Length - 2);
        _line = default;
        _judged = _taken;
        if (line.Length < 0 || list.Page[new PageSlice(line.End, 1)][0] != Octets.Cr)
        {
            reason = RejectReason.BareLineFeed;
            return Step.Done;
        }

        return OnLine(list, line, out reason);
    }
}
