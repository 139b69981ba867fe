using System.IO.Pipelines;
using System.Net.Sockets;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// One link that carries a session: starts both loops, and stops them in an order in which the peer still learns why.
/// The session itself may outlive it.
/// </summary>
/// <remarks>
/// The end, in numbers: 1 the reason is known · 2 the timer stops · 3 the reader stops, so that streams get nothing any
/// more · 4 the writer sends CLOSE, or stops · 5 our sending half of the link ends · 6 streams are told · 7 what the peer
/// still sends is read and dropped until it ends too: a socket closed with unread bytes sends a reset, and that
/// reset would destroy our CLOSE on its way.
/// </remarks>
internal sealed class SessionLink(Session session, IDuplexPipe link)
{
    public async Task<SessionEnd> RunAsync()
    {
        using var stopReading = new CancellationTokenSource();
        using var stopWriting = new CancellationTokenSource();

        // On their own: a loop that always finds work at hand would otherwise keep the other from starting.
        Task<bool> reading = Task.Run(() => ReadAsync(stopReading.Token), CancellationToken.None);
        Task<bool> writing = Task.Run(() => WriteAsync(stopWriting.Token), CancellationToken.None);

        SessionEnd end = await session.Ended;                                      // 1
        await session.StopPulseAsync();                                            // 2
        await stopReading.CancelAsync();
        bool peerHasEnded = await reading;                                         // 3
        using var limit = new CancellationTokenSource(session.Options.CloseTime, session.Options.Time);
        await using CancellationTokenRegistration late = limit.Token.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).Cancel(), stopWriting);
        if (session.CloseToSend is null)
        {
            await stopWriting.CancelAsync();
        }

        session.WriterSignal.Set();
        bool allWasSent = await writing;                                           // 4
        bool isOrderly = allWasSent && end.Kind != SessionEndKind.LinkLost;
        await link.Output.CompleteAsync(isOrderly ? null : new IOException(end.Message)); // 5
        session.Streams.EndAll(end.Message);                                       // 6
        if (isOrderly && end.Kind == SessionEndKind.ClosedHere && !peerHasEnded)
        {
            await DrainAsync(limit.Token);                                         // 7
        }

        await link.Input.CompleteAsync();
        return end;
    }

    /// <returns>Nothing more can come from the peer.</returns>
    private async Task<bool> ReadAsync(CancellationToken stop)
    {
        try
        {
            SessionEnd? close = await session.NewReader().RunAsync(link.Input, stop);
            session.End(close ?? Session.Lost("The link ended."));
            return true;
        }
        catch (ProtocolViolationException violation)
        {
            session.End(violation);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The session has ended for a reason that is already known.
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            session.End(Session.Lost(error.Message));
            return true;
        }
        catch (Exception error)
        {
            // It ends this session with a name instead of the process.
            session.EndByFault(error);
        }

        return false;
    }

    /// <returns>Everything the writer took has left.</returns>
    private async Task<bool> WriteAsync(CancellationToken stop)
    {
        try
        {
            if (await session.NewWriter().RunAsync(link.Output, stop))
            {
                return true;
            }

            session.LoseSoon("The link takes no more.");
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // In the middle of a flush: the session has ended, or its CLOSE found no way out in time.
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            session.LoseSoon(error.Message);
        }
        catch (Exception error)
        {
            // As in the reader.
            session.EndByFault(error);
        }

        return false;
    }

    private async Task DrainAsync(CancellationToken limit)
    {
        try
        {
            while (true)
            {
                ReadResult result = await link.Input.ReadAsync(limit);
                link.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            // The peer had its time.
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            // The peer broke the link: it has read the CLOSE, or never will.
        }
    }
}
