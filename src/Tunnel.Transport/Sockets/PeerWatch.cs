using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Ends a connection whose peer is gone while something is under way to it, which the system itself takes a quarter of an hour
/// to notice. Asks the system every few seconds; one that does not say (<see cref="TcpInfo"/>) is asked no more.
/// </summary>
internal sealed class PeerWatch : IDeadlineTarget
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    private readonly Socket _socket;
    private readonly Action _end;
    private readonly DeadlineClock _clock;
    private readonly Deadline _deadline;

    // The clock's thread alone touches it.
    private PeerSilence _silence;

    private PeerWatch(Socket socket, TimeSpan limit, DeadlineClock clock, Action end)
    {
        _socket = socket;
        _silence = new PeerSilence(limit);
        _clock = clock;
        _end = end;
        _deadline = clock.Add(this);
        _deadline.Set(Every);
    }

    /// <param name="limit">How long a peer that is asked may be silent.</param>
    /// <param name="end">Ends the connection; must not block or throw.</param>
    /// <returns>Null on a system that does not say how a peer answers. Otherwise the caller's to stop.</returns>
    public static PeerWatch? TryBegin(Socket socket, TimeSpan limit, DeadlineClock clock, Action end) =>
        OperatingSystem.IsLinux() ? new PeerWatch(socket, limit, clock, end) : null;

    /// <summary>Once this has returned, the connection is not ended from here any more.</summary>
    public void Stop()
    {
        _clock.Remove(_deadline);
        _deadline.Clear();
    }

    void IDeadlineTarget.OnDeadline()
    {
        // A socket that cannot be asked is closed already, or of a system that does not say.
        if (!TcpInfo.TryGetSilence(_socket, out int unanswered, out TimeSpan sinceLastAck))
        {
            return;
        }

        if (_silence.IsGone(_clock.Elapsed, unanswered, sinceLastAck))
        {
            _end();
            return;
        }

        _deadline.Set(Every);
    }
}
