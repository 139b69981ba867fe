using System.Buffers;
using System.IO.Pipelines;

namespace Tunnel.TestSupport;

/// <summary>
/// A <see cref="MemoryLink"/> that lives for so many bytes in each direction: after the last of them it is cut, in the
/// middle of a frame or wherever that is.
/// </summary>
public sealed class ShortLink
{
    private readonly MemoryLink _link;

    /// <param name="bytesToA">What A's reader gets before the cut.</param>
    /// <param name="bytesToB">What B's reader gets before the cut.</param>
    public ShortLink(long bytesToA, long bytesToB, MemoryLinkOptions? options = null)
    {
        _link = new MemoryLink(options);
        A = new LinkEnd(new ShortReader(_link.A.Input, bytesToA, Cut), _link.A.Output);
        B = new LinkEnd(new ShortReader(_link.B.Input, bytesToB, Cut), _link.B.Output);
    }

    public IDuplexPipe A { get; }

    public IDuplexPipe B { get; }

    /// <summary>Completes when the link was cut.</summary>
    public Task WhenCut => _link.WhenCut;

    /// <summary>Cuts now; what is on the way is lost.</summary>
    public void Cut() => _link.Cut(new IOException("The link was cut."));

    private sealed class ShortReader(PipeReader inner, long left, Action cut) : PipeReader
    {
        private ReadOnlySequence<byte> _shown;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            if (left == 0)
            {
                cut();
            }

            return Show(await inner.ReadAsync(cancellationToken));
        }

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
            {
                return false;
            }

            result = Show(result);
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            if (consumed.GetObject() is null)
            {
                return;
            }

            // Whoever saw the last byte there will be and needs more waits for what never comes: the link is cut instead.
            bool sawAll = _shown.Slice(examined).IsEmpty && _shown.Length == left;
            left -= _shown.Slice(_shown.Start, consumed).Length;
            inner.AdvanceTo(consumed, examined);
            if (sawAll)
            {
                cut();
            }
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        private ReadResult Show(ReadResult result)
        {
            _shown = result.Buffer.Length > left ? result.Buffer.Slice(0, left) : result.Buffer;
            return new ReadResult(_shown, result.IsCanceled, result.IsCompleted);
        }
    }
}
