using System.Buffers;
using System.IO.Pipelines;

namespace Tunnel.Transport;

/// <summary>How a one-way copy came to its end.</summary>
public enum RelayEnd
{
    /// <summary>The source ended cleanly, and everything it gave has been handed to the destination.</summary>
    SourceEnded,

    /// <summary>The destination wants no more.</summary>
    DestinationEnded,

    /// <summary>Somebody cancelled the pending read or flush.</summary>
    Cancelled,
}

/// <summary>Copies bytes from one pipe to another, unread, as they come.</summary>
public static class Relay
{
    /// <summary>Writes a sequence, segment by segment.</summary>
    public static void Write(this IBufferWriter<byte> destination, in ReadOnlySequence<byte> bytes)
    {
        foreach (ReadOnlyMemory<byte> segment in bytes)
        {
            destination.Write(segment.Span);
        }
    }

    /// <summary>What the destination is handed at one time, unless somebody has less to give.</summary>
    public const int MostAtOnce = 64 * 1024;

    /// <summary>
    /// Copies until one side ends. Completes neither: what the end means is the caller's to say. Whichever side breaks
    /// throws what that side throws. A piece is taken off the source when the destination is through with it, so that
    /// nobody is asked for more before that.
    /// </summary>
    /// <param name="passed">Told of every piece, in bytes, when it is handed to the destination; null: nobody counts.</param>
    /// <param name="mostAtOnce">The largest piece, in bytes.</param>
    public static async ValueTask<RelayEnd> CopyAsync(PipeReader source, PipeWriter destination, Action<long>? passed = null, int mostAtOnce = MostAtOnce)
    {
        while (true)
        {
            ReadResult read = await source.ReadAsync();
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (read.IsCanceled)
            {
                source.AdvanceTo(buffer.Start);
                return RelayEnd.Cancelled;
            }

            bool isCut = buffer.Length > mostAtOnce;
            ReadOnlySequence<byte> piece = isCut ? buffer.Slice(0, mostAtOnce) : buffer;
            try
            {
                if (!piece.IsEmpty)
                {
                    destination.Write(piece);
                    passed?.Invoke(piece.Length);
                    FlushResult flush = await destination.FlushAsync();
                    if (flush.IsCompleted || flush.IsCanceled)
                    {
                        return flush.IsCanceled ? RelayEnd.Cancelled : RelayEnd.DestinationEnded;
                    }
                }
            }
            finally
            {
                source.AdvanceTo(piece.End);
            }

            if (read.IsCompleted && !isCut)
            {
                return RelayEnd.SourceEnded;
            }
        }
    }
}
