using System.Buffers;
using System.IO.Pipelines;

namespace Tunnel.Framing.Tests.Resume;

/// <summary>
/// The output of a link that sends from where it is told, as a plain socket's does: it looks at the bytes when a flush comes to them,
/// and lets go of them later, perhaps long after its own end.
/// </summary>
internal sealed class InPlaceOutput(PipeWriter link, HeldPieces held) : PipeWriter
{
    private readonly List<ReadOnlyMemory<byte>> _toSend = [];
    private readonly List<HeldPieces.Piece> _inPlace = [];
    private byte[] _lease = [];

    public void AppendInPlace(IMemoryOwner<byte> owner, ReadOnlyMemory<byte> bytes)
    {
        _inPlace.Add(new HeldPieces.Piece(owner, bytes, bytes.ToArray()));
        _toSend.Add(bytes);
    }

    public override Memory<byte> GetMemory(int sizeHint = 0) => _lease = new byte[Math.Max(sizeHint, 64)];

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes) => _toSend.Add(_lease.AsMemory(0, bytes));

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        FlushResult result = default;
        foreach (ReadOnlyMemory<byte> bytes in _toSend)
        {
            await Task.Yield();
            result = await link.WriteAsync(bytes, cancellationToken);
            if (result.IsCompleted)
            {
                break;
            }
        }

        _toSend.Clear();
        held.Hold(_inPlace);
        return result;
    }

    public override void CancelPendingFlush() => link.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        held.Hold(_inPlace);
        link.Complete(exception);
    }
}
