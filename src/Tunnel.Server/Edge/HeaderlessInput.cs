using System.IO.Pipelines;
using Tunnel.Transport.ProxyProtocol;

namespace Tunnel.Server.Edge;

/// <summary>
/// What somebody sends who is not a trusted proxy: it must not begin with a PROXY header, which an origin might believe.
/// Looks at the first bytes as they pass, and holds none back longer than they could become a header.
/// </summary>
/// <param name="refuse">Told before the read fails.</param>
internal sealed class HeaderlessInput(PipeReader input, Action refuse) : PipeReader
{
    private bool _isDecided;

    public override bool TryRead(out ReadResult result)
    {
        if (_isDecided)
        {
            return input.TryRead(out result);
        }

        result = default;
        return false;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        _isDecided ? input.ReadAsync(cancellationToken) : DecideAsync(cancellationToken);

    public override void AdvanceTo(SequencePosition consumed) => input.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => input.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => input.Complete(exception);

    private async ValueTask<ReadResult> DecideAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult read = await input.ReadAsync(cancellationToken);
            bool? begins = ProxyHeaderReader.Begins(read.Buffer);
            if (begins is null && !read.IsCompleted && !read.IsCanceled)
            {
                input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }

            if (begins is true)
            {
                input.AdvanceTo(read.Buffer.Start);
                refuse();
                throw new IOException("The connection began with a PROXY header.");
            }

            _isDecided = begins is false;
            return read;
        }
    }
}
