using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The only loop that writes to a link. Under the session's lock it gives what is due its place in the sequence; without
/// the lock it puts what the sequence has on the link, and sends it all at once. After a loss the next link's loop goes on
/// from where the peer stands: sending again and sending for the first time are the same thing.
/// </summary>
internal sealed class SessionWriter(Session session, StreamDepartures departures)
{
    /// <summary>Bytes gathered into one send: enough to make the system call cheap, little enough to stay fair.</summary>
    private const int BatchBytes = 64 * 1024;

    /// <summary>After so many batches in a row, whoever's thread this is goes on with its own work.</summary>
    private const int MostInARow = 8;

    private readonly List<TunnelStream> _resumed = [];
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
        int bytes;
        ForgetAcknowledged();
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

            bytes = session.Streams.Queue.WriteUnsequenced(link);
            session.Streams.Queue.TakeUrgent();
            while (Replay.Unsent < BatchBytes && departures.TakeFrame())
            {
            }

            departures.TakeResumed(_resumed);
        }

        foreach (TunnelStream stream in _resumed)
        {
            stream.Out.Resume(isWanted: true);
        }

        _resumed.Clear();
        return PutSequence(link) + bytes > 0;
    }

    private void ForgetAcknowledged()
    {
        try
        {
            Replay.Forget();
            if (Replay.IsOverfull)
            {
                session.Close(CloseCode.Flood, "Too much was sent that the peer does not acknowledge.");
            }
        }
        catch (ProtocolViolationException violation)
        {
            session.End(violation);
        }
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
