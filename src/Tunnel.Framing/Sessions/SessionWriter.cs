using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The only loop that writes to a link. It gives what is due its place in the sequence, puts what the sequence has on the
/// link, and sends it all at once. After a loss the next link's loop goes on from where the peer stands: sending again and
/// sending for the first time are the same thing.
/// </summary>
internal sealed class SessionWriter(Session session, StreamDepartures departures)
{
    /// <summary>Bytes gathered into one send: enough to make the system call cheap, little enough to stay fair.</summary>
    private const int BatchBytes = 64 * 1024;

    /// <summary>After so many batches in a row, whoever's thread this is goes on with its own work.</summary>
    private const int MostInARow = 8;

    private Action<IMemoryOwner<byte>, ReadOnlyMemory<byte>>? _appendInPlace;

    private ReplayBuffer Replay => session.Streams.Replay;

    /// <summary>Runs until CLOSE has been sent, the link takes no more, or <paramref name="stop"/>.</summary>
    /// <returns>False when the link takes no more; true when all that was taken has left.</returns>
    public async Task<bool> RunAsync(PipeWriter link, CancellationToken stop)
    {
        _appendInPlace = session.Options.FindAppendInPlace(link);

        // It may go on on a user's thread, which may have a context of its own: no await takes that along.
        while (true)
        {
            await session.WriterSignal.WaitAsync().ConfigureAwait(false);
            int inARow = 0;
            while (!stop.IsCancellationRequested && Gather(link, out bool isLast))
            {
                ValueTask<FlushResult> flush = link.FlushAsync(stop);
                inARow = flush.IsCompleted ? inARow + 1 : 0;
                FlushResult result = await flush.ConfigureAwait(false);
                if (result.IsCompleted)
                {
                    return false;
                }

                if (isLast)
                {
                    return true;
                }

                if (inARow == MostInARow)
                {
                    // It may be an event thread, or a user's. From here on it is one of the pool.
                    await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
                    inARow = 0;
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
        try
        {
            Replay.Forget();
            if (Replay.IsOverfull)
            {
                session.Close(CloseCode.Flood, "Too much was sent that the peer does not acknowledge.");
            }

            int bytes;
            lock (session.Streams.Gate)
            {
                if (session.IsEnded)
                {
                    return TryWriteClose(link, out isLast);
                }

                bytes = session.Streams.Queue.WriteUnsequenced(link);
            }

            departures.Take(BatchBytes);
            isLast = false;
            return PutSequence(link) + bytes > 0;
        }
        catch (ProtocolViolationException violation)
        {
            // Perhaps the session has ended for another reason already, and nobody would ask for this CLOSE again.
            session.End(violation);
            return TryWriteClose(link, out isLast);
        }
    }

    // The session has ended. False when there is nothing to say about it.
    private bool TryWriteClose(PipeWriter link, out bool isLast)
    {
        isLast = session.CloseToSend is not null;
        if (session.CloseToSend is { } close)
        {
            OutgoingQueue.WriteClose(link, close.Code, close.Sentence);
        }

        return isLast;
    }

    private int PutSequence(PipeWriter link)
    {
        int bytes = 0;
        while (bytes < BatchBytes && Replay.TryPeek(out SentFrame frame))
        {
            if (_appendInPlace is not null && frame.BodyChunk is not null)
            {
                frame.AppendInPlace(_appendInPlace);
            }
            else
            {
                frame.CopyTo(link.GetSpan(frame.Size));
                link.Advance(frame.Size);
            }

            Replay.Sent(frame);
            bytes += frame.Size;
        }

        return bytes;
    }
}
