using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Accepts from one listening socket until it is told to stop. No error ends it: what the peer caused costs nothing,
/// what the system lacks (descriptors, memory) is waited for, before
/// the last of it is spent.
/// </summary>
internal sealed class AcceptLoop(
    IPEndPoint endPoint,
    Func<CancellationToken, ValueTask<Socket>> accept,
    DescriptorReserve reserve,
    Action<Socket> onAccepted,
    Action<AcceptFault>? onFault,
    TimeProvider time)
{
    /// <summary>Long enough not to spin, short enough that a visitor in the backlog hardly notices.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    // A peer that gave up before it was accepted is no reason to pause; an endless row of such errors is.
    private const int FreeFaults = 16;

    public async Task RunAsync(CancellationToken stop)
    {
        WarmUpClock();
        var faults = 0;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                // While connections wait in the backlog this completes at once: one wake-up takes them all.
                var socket = await accept(stop);
                faults = 0;
                var low = reserve.IsTouchedBy(socket);
                Hand(socket);
                while (low && !stop.IsCancellationRequested)
                {
                    // Who comes now waits in the backlog until somebody leaves.
                    await PauseAsync(new SocketException((int)SocketError.TooManyOpenSockets), Pause, stop);
                    low = reserve.IsTouched();
                }
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                // Whatever a socket says while it is being stopped is not news.
                return;
            }
            catch (Exception e)
            {
                await PauseAsync(e, IsPeersDoing(ErrorOf(e)) && ++faults <= FreeFaults ? TimeSpan.Zero : Pause, stop);
            }
        }
    }

    private static SocketError ErrorOf(Exception e) => (e as SocketException)?.SocketErrorCode ?? SocketError.SocketError;

    private static bool IsPeersDoing(SocketError error) => error is
        SocketError.ConnectionAborted or SocketError.ConnectionReset or SocketError.TimedOut or SocketError.Interrupted
        or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown
        or SocketError.HostDown or SocketError.ProtocolOption;

    /// <summary>
    /// The first timer of a process starts a thread, and starting a thread takes a descriptor: too late once there are
    /// none left, which is just when the pause is needed.
    /// </summary>
    private void WarmUpClock()
    {
        using var timer = time.CreateTimer(static _ => { }, null, Pause, Timeout.InfiniteTimeSpan);
    }

    private async Task PauseAsync(Exception reason, TimeSpan pause, CancellationToken stop)
    {
        // The pause runs before it is told, so that whoever hears of it can rely on it.
        var over = pause > TimeSpan.Zero ? Task.Delay(pause, time, stop) : Task.CompletedTask;
        onFault?.Invoke(new AcceptFault(endPoint, ErrorOf(reason), reason, pause));
        await over.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Hand(Socket socket)
    {
        try
        {
            onAccepted(socket);
        }
        catch (Exception e)
        {
            // The taker's failure costs this one connection, never the listener.
            socket.Dispose();
            onFault?.Invoke(new AcceptFault(endPoint, SocketError.Success, e, TimeSpan.Zero));
        }
    }
}
