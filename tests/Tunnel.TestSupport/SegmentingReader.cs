using System.Buffers;
using System.IO.Pipelines;

namespace Tunnel.TestSupport;

/// <summary>The input of a <see cref="SegmentingLink"/>; usable by itself around any reader.</summary>
public sealed class SegmentingReader(PipeReader inner, int size, Segmenting segmenting) : PipeReader
{
    private ReadOnlySequence<byte> _whole;
    private ReadOnlySequence<byte> _shown;

    // Bytes that were shown, not consumed and all examined: the next read has to show more than these.
    private long _exhausted;

    public override bool TryRead(out ReadResult result)
    {
        if (!inner.TryRead(out result))
        {
            return false;
        }

        result = Show(result);
        return true;
    }

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        Show(await inner.ReadAsync(cancellationToken));

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var taken = OffsetOf(consumed);
        var seen = Math.Max(taken, OffsetOf(examined));
        _exhausted = seen - taken;
        inner.AdvanceTo(_whole.GetPosition(taken), _whole.GetPosition(seen));
        _whole = default;
        _shown = default;
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    private ReadResult Show(ReadResult result)
    {
        _whole = result.Buffer;
        var length = segmenting.HasFlag(Segmenting.TinyReads) && !result.IsCanceled
            ? Math.Min(_whole.Length, _exhausted + size)
            : _whole.Length;
        _shown = _whole.Slice(0, length);
        if (segmenting.HasFlag(Segmenting.ManySegments) && length > 0)
        {
            _shown = Split(_shown);
        }

        return new ReadResult(_shown, result.IsCanceled, result.IsCompleted && length == _whole.Length);
    }

    private long OffsetOf(SequencePosition position) =>
        _shown.IsEmpty ? 0 : _shown.Slice(_shown.Start, position).Length;

    private ReadOnlySequence<byte> Split(ReadOnlySequence<byte> sequence)
    {
        Piece? first = null;
        Piece? last = null;
        foreach (var segment in sequence)
        {
            for (var at = 0; at < segment.Length; at += size)
            {
                last = new Piece(segment.Slice(at, Math.Min(size, segment.Length - at)), last);
                first ??= last;
            }
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            if (before is not null)
            {
                RunningIndex = before.RunningIndex + before.Memory.Length;
                before.Next = this;
            }
        }
    }
}
