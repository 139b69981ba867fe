using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>
/// Step 7, as far as it is about the head: it goes to the origin as the server wrote it, and only its end is looked for. The
/// server has judged it, and OPEN says what there is to know (docs/protocol.md, section 12).
/// </summary>
internal static class RequestHeadCopier
{
    private static ReadOnlySpan<byte> HeadEnd => "\r\n\r\n"u8;

    /// <summary>Where the head ends, if it does within these bytes.</summary>
    /// <param name="bytes">What has come and was not sent on.</param>
    /// <param name="isLast">Nothing follows.</param>
    /// <param name="end">Behind the empty line.</param>
    /// <exception cref="OriginFaultException">It has no end.</exception>
    public static bool TryFindEnd(in ReadOnlySequence<byte> bytes, bool isLast, out SequencePosition end)
    {
        int at = bytes.FirstSpan.IndexOf(HeadEnd);
        if (at >= 0)
        {
            end = bytes.GetPosition(at + HeadEnd.Length);
            return true;
        }

        var reader = new SequenceReader<byte>(bytes);
        if (!bytes.IsSingleSegment && reader.TryReadTo(out ReadOnlySequence<byte> _, HeadEnd))
        {
            end = reader.Position;
            return true;
        }

        end = bytes.Start;
        return isLast ? throw new OriginFaultException(ResetCode.RequestBroken, "The request ended within its head.") : false;
    }

    /// <summary>
    /// Sends on a head that is larger than what has come of it, as it comes, and leaves its last bytes for the caller. The
    /// origin may have said why it takes no more: a connection that breaks is found out when its answer is read.
    /// </summary>
    /// <param name="stream">Where the head comes from.</param>
    /// <param name="read">What has been read already.</param>
    /// <param name="origin">Where it goes.</param>
    /// <returns>What is unread, and where in it the head ends.</returns>
    /// <exception cref="OriginFaultException">The request ended within its head.</exception>
    public static async ValueTask<(ReadOnlySequence<byte> Bytes, SequencePosition HeadEnd)> PassAsync(
        PipeReader stream, ReadResult read, PipeWriter origin)
    {
        SequencePosition end;
        while (!TryFindEnd(read.Buffer, read.IsCompleted, out end))
        {
            // Its end may have come in part.
            long sure = Math.Max(0, read.Buffer.Length - (HeadEnd.Length - 1));
            ReadOnlySequence<byte> piece = read.Buffer.Slice(0, sure);
            origin.Write(piece);
            stream.AdvanceTo(piece.End, read.Buffer.End);
            await FlushAsync(origin);
            read = await stream.ReadAsync();
        }

        return (read.Buffer, end);
    }

    /// <summary>Flushes to an origin that may be gone: it takes nothing more then, and may still have said why.</summary>
    public static async ValueTask FlushAsync(PipeWriter origin)
    {
        try
        {
            await origin.FlushAsync();
        }
        catch (ConnectionBrokenException)
        {
            // Found out when the answer is read.
        }
    }
}
