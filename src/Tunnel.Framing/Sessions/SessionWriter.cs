using System.IO.Pipelines;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The only loop that writes to the link. Takes what is due under the session's lock, copies payloads after letting
/// the lock go, and sends it all at once.
/// </summary>
internal sealed class SessionWriter(Session session, StreamDepartures departures)
{
    /// <summary>Bytes gathered into one send: enough to make the system call cheap, little enough to stay fair.</summary>
    private const int BatchBytes = 64 * 1024;

    private readonly List<TakenFrame> _taken = [];
    private readonly List<TunnelStream> _resumed = [];

    /// <summary>Runs until CLOSE has been sent, the link takes no more, or <paramref name="stop"/>.</summary>
    /// <returns>False when the link takes no more; true when all that was taken has left.</returns>
    public async Task<bool> RunAsync(PipeWriter link, CancellationToken stop)
    {
        while (true)
        {
            await session.WriterSignal.WaitAsync();
            while (Gather(link, out bool isLast))
            {
                CopyTaken(link);
                FlushResult result = await link.FlushAsync(stop);
                if (result.IsCompleted)
                {
                    return false;
                }

                if (isLast)
                {
                    return true;
                }
            }

            if (stop.IsCancellationRequested)
            {
                return true;
            }
        }
    }

    private bool Gather(PipeWriter link, out bool isLast)
    {
        bool any;
        lock (session.Streams.Gate)
        {
            isLast = session.CloseToSend is not null;
            if (session.CloseToSend is { } close)
            {
                OutgoingQueue.WriteClose(link, close.Code, close.Sentence);
                return true;
            }

            if (session.IsEnded)
            {
                return false;
            }

            int bytes = session.Streams.Queue.WriteUrgent(link);
            while (bytes < BatchBytes && departures.TryTakeFrame(out TakenFrame frame))
            {
                _taken.Add(frame);
                bytes += frame.Header.FrameSize;
            }

            departures.TakeResumed(_resumed);
            any = bytes > 0;
        }

        foreach (TunnelStream stream in _resumed)
        {
            stream.Out.Resume(isWanted: true);
        }

        _resumed.Clear();
        return any;
    }

    private void CopyTaken(PipeWriter link)
    {
        try
        {
            foreach (TakenFrame frame in _taken)
            {
                Copy(frame, link);
            }
        }
        finally
        {
            // Also when the link threw in between: the memory is not the link's.
            foreach (TakenFrame frame in _taken)
            {
                frame.Chunk?.Release();
            }

            _taken.Clear();
        }
    }

    private static void Copy(in TakenFrame frame, PipeWriter link)
    {
        Span<byte> destination = link.GetSpan(frame.Header.FrameSize);
        frame.Header.Write(destination);
        int offset = FrameHeader.Size;
        if (frame.Opens is { } stream)
        {
            stream.Open.Write(destination[offset..]);
            offset += stream.Open.Size;
        }

        frame.Bytes.Span.CopyTo(destination[offset..]);
        link.Advance(frame.Header.FrameSize);
    }
}
