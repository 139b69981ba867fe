using System.IO.Pipelines;
using System.Net.Sockets;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// One link that carries a session: starts both loops, and stops them in an order in which the peer still learns why.
/// The session itself may outlive it.
/// </summary>
/// <remarks>
/// The end, in numbers: 1 the session has ended, or the link is lost · 2 the reader stops, so that streams get nothing any
/// more · 3 the writer sends CLOSE, or stops · 4 our sending half of the link ends · 5 <see cref="LoopsStopped"/>: streams
/// may be told, or another link may take over · 6 what the peer still sends is read and dropped until it ends too: a
/// socket closed with unread bytes sends a reset, and that reset would destroy our CLOSE on its way.
/// </remarks>
internal sealed class SessionLink(Session session, IDuplexPipe link, SessionReader reader, SessionWriter writer)
{
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _loopsStopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Both loops have stopped for good: nothing is received or sent on this link any more.</summary>
    public Task LoopsStopped => _loopsStopped.Task;

    /// <summary>Gives the link up; the first reason stays. From any thread.</summary>
    public void Lose(string reason) => _lost.TrySetResult(reason);

    /// <summary>The link does not work any more. A session that cannot wait for another one ends by it.</summary>
    public void OnLost(string reason)
    {
        if (session.Options.ResumeWindow == TimeSpan.Zero)
        {
            session.End(Session.Lost(reason));
        }
        else if (!session.IsEnded)
        {
            Lose(reason);
        }
    }

    /// <summary>Carries the session until it ends or the link is lost. The link's pipes are completed on return.</summary>
    /// <param name="onStopped">Runs at 5.</param>
    public async Task RunAsync(Action<string> onStopped)
    {
        using var stopReading = new CancellationTokenSource();
        using var stopWriting = new CancellationTokenSource();

        // On their own: a loop that always finds work at hand would otherwise keep the other from starting.
        Task<bool> reading = Task.Run(() => ReadAsync(stopReading.Token), CancellationToken.None);
        Task<bool> writing = Task.Run(() => WriteAsync(stopWriting.Token), CancellationToken.None);
        session.WriterSignal.Set();

        await Task.WhenAny(session.Ended, _lost.Task);                             // 1
        await stopReading.CancelAsync();
        bool peerHasEnded = await reading;                                         // 2
        using var limit = new CancellationTokenSource(session.Options.CloseTime, session.Options.Time);
        await using CancellationTokenRegistration late = limit.Token.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).Cancel(), stopWriting);
        if (session.CloseToSend is null || _lost.Task.IsCompleted)
        {
            await stopWriting.CancelAsync();
        }

        session.WriterSignal.Set();
        bool allWasSent = await writing;                                           // 3
        string reason = _lost.Task.IsCompleted ? await _lost.Task : "the session has ended";
        bool isOrderly = allWasSent && session.HasClosed && !_lost.Task.IsCompleted;
        await EndSendingAsync(isOrderly ? null : new IOException(reason), limit.Token); // 4
        onStopped(reason);
        _loopsStopped.SetResult();                                                 // 5
        if (isOrderly && session.CloseToSend is not null && !peerHasEnded)
        {
            await DrainAsync(limit.Token);                                         // 6
        }

        await link.Input.CompleteAsync();
    }

    /// <summary>
    /// The session had ended before this link came, or ends because of it: nothing is carried, but the peer is told if there
    /// is something to tell. The link's pipes are completed on return.
    /// </summary>
    public async Task RefuseAsync()
    {
        using var limit = new CancellationTokenSource(session.Options.CloseTime, session.Options.Time);
        bool wasSent = false;
        try
        {
            if (session.CloseToSend is { } close)
            {
                OutgoingQueue.WriteClose(link.Output, close.Code, close.Sentence);
                wasSent = !(await link.Output.FlushAsync(limit.Token)).IsCompleted;
            }
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            // The link is gone, or takes nothing: there is nobody to tell.
        }

        await EndSendingAsync(wasSent ? null : new IOException("The session has ended."), limit.Token);
        if (wasSent)
        {
            await DrainAsync(limit.Token);
        }

        await link.Input.CompleteAsync();
    }

    /// <returns>Nothing more can come from the peer.</returns>
    private async Task<bool> ReadAsync(CancellationToken stop)
    {
        try
        {
            if (await reader.RunAsync(link.Input, stop) is { } close)
            {
                session.End(close);
            }
            else
            {
                OnLost("The link ended.");
            }

            return true;
        }
        catch (ProtocolViolationException violation)
        {
            session.End(violation);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The session has ended, or the link is lost, for a reason that is already known.
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            OnLost(error.Message);
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
            if (await writer.RunAsync(link.Output, stop))
            {
                return true;
            }

            session.LoseSoon("The link takes no more.");
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // In the middle of a flush: the session has ended, the link is lost, or CLOSE found no way out in time.
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

    // The end has to be said too where there is TLS, and a peer that reads nothing does not take even that. Completed again with
    // an error, a link gives up what it has not sent.
    private async Task EndSendingAsync(Exception? error, CancellationToken limit)
    {
        ValueTask ending = link.Output.CompleteAsync(error);
        await using CancellationTokenRegistration late = limit.UnsafeRegister(
            static link => ((IDuplexPipe)link!).Output.Complete(new IOException("The peer takes no more.")), link);
        await ending;
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
