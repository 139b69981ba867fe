using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Ends a connection whose peer is gone while something is under way to it, which the system itself takes a quarter of an hour
/// to notice. Asks the system every few seconds, until the peer has everything. Linux only.
/// </summary>
internal sealed class PeerWatch : IDeadlineTarget
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private readonly SocketConnection _connection;
    private readonly Socket _socket;
    private readonly DeadlineClock _clock;
    private readonly Deadline _deadline;

    // The clock's thread alone touches it.
    private PeerSilence _silence;

    /// <param name="connection">Is broken as timed out.</param>
    /// <param name="limit">How long a peer that is asked may be silent.</param>
    public PeerWatch(SocketConnection connection, Socket socket, TimeSpan limit, DeadlineClock clock)
    {
        _connection = connection;
        _socket = socket;
        _silence = new PeerSilence(limit);
        _clock = clock;
        _deadline = clock.Add(this);
        _deadline.Set(Every);
    }

    /// <summary>Once this has returned, the connection is not ended from here any more.</summary>
    public void Stop()
    {
        _clock.Remove(_deadline);
        _deadline.Clear();
    }

    void IDeadlineTarget.OnDeadline()
    {
        if (!IsNeeded(out int unanswered, out TimeSpan sinceLastAck))
        {
            // Whoever sends looks for a watch afterwards, so what was sent before this line is seen by the second look, and
            // what is sent behind it has a watch of its own.
            _connection.Unwatch();
            if (!IsNeeded(out unanswered, out sinceLastAck) || !_connection.TryWatch(this))
            {
                _clock.Remove(_deadline);
                return;
            }
        }

        if (_silence.IsGone(_clock.Elapsed, unanswered, sinceLastAck))
        {
            _connection.Break(SocketError.TimedOut);
            return;
        }

        _deadline.Set(Every);
    }

    // A socket that cannot be asked is closed already, or of a system that does not say.
    private bool IsNeeded(out int unanswered, out TimeSpan sinceLastAck) =>
        TcpInfo.TryGetSilence(_socket, out bool isUnderWay, out unanswered, out sinceLastAck) && isUnderWay;
}
