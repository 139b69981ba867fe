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

    /// <summary>
    /// Copies until one side ends. Completes neither: what the end means is the caller's to say. Whichever side breaks
    /// throws what that side throws.
    /// </summary>
    /// <param name="passed">Told of every piece, in bytes, when it is handed to the destination; null: nobody counts.</param>
    public static async ValueTask<RelayEnd> CopyAsync(PipeReader source, PipeWriter destination, Action<long>? passed = null)
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

            destination.Write(buffer);
            long length = buffer.Length;
            source.AdvanceTo(buffer.End);
            if (length > 0)
            {
                passed?.Invoke(length);
                FlushResult flush = await destination.FlushAsync();
                if (flush.IsCompleted || flush.IsCanceled)
                {
                    return flush.IsCanceled ? RelayEnd.Cancelled : RelayEnd.DestinationEnded;
                }
            }

            if (read.IsCompleted)
            {
                return RelayEnd.SourceEnded;
            }
        }
    }
}
