using System.IO.Pipelines;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>
/// One connection to the origin. Belongs either to the exchange that uses it or to the pool, never to both; a deadline
/// of the shared clock can end it.
/// </summary>
internal sealed class OriginConnection : IDeadlineTarget
{
    private static readonly TimeSpan CloseTime = TimeSpan.FromSeconds(5);

    private readonly SocketConnection _plain;
    private readonly IConnection _connection;
    private readonly Deadline _deadline;
    private readonly Lock _lock = new();
    private bool _hasAnswered;

    /// <param name="plain">What the connection goes over; itself without TLS.</param>
    public OriginConnection(SocketConnection plain, IConnection connection, DeadlineClock clock)
    {
        _plain = plain;
        _connection = connection;
        _deadline = clock.Add(this);
        plain.EndWhenPeerIsGone(clock);
    }

    public PipeReader Input => _connection.Input;

    public PipeWriter Output => _connection.Output;

    /// <summary>No answer came in time, and the connection was aborted for it.</summary>
    public bool IsLate { get; private set; }

    /// <summary>The head of the present exchange's answer is there.</summary>
    public bool HasAnswered
    {
        get
        {
            lock (_lock)
            {
                return _hasAnswered;
            }
        }
    }

    /// <summary>It has served a request before.</summary>
    public bool IsReused { get; set; }

    /// <summary>When it became idle, and when the pool gives it up.</summary>
    public TimeSpan IdleSince { get; set; }

    public TimeSpan IdleUntil { get; set; }

    /// <summary>We have received something that nobody asked for, or the end. Looks at what we have, not at the socket.</summary>
    public bool HasUnread
    {
        get
        {
            if (!Input.TryRead(out ReadResult read))
            {
                return false;
            }

            Input.AdvanceTo(read.Buffer.Start);
            return true;
        }
    }

    /// <summary>
    /// Nothing can be read, as it must be while nothing is asked. Otherwise the origin has closed it or spoken out of turn,
    /// and what it said would be taken for the answer to the next request. Under TLS anything on the wire counts: a
    /// connection that is closed for nothing costs one handshake.
    /// </summary>
    /// <param name="isSure">Asks the system, too: what was said a moment ago may not have been heard yet.</param>
    public bool IsQuiet(bool isSure) => !HasUnread && _plain.IsQuiet(isSure);

    /// <summary>Another exchange begins.</summary>
    public void Begin()
    {
        lock (_lock)
        {
            _hasAnswered = false;
        }
    }

    /// <summary>The origin has the whole request: from here on it has so long to answer, unless it has begun to already.</summary>
    public void ExpectAnswer(TimeSpan within)
    {
        lock (_lock)
        {
            if (!_hasAnswered)
            {
                _deadline.Set(within);
            }
        }
    }

    /// <summary>The head of the answer is there: what follows may take as long as it takes, and only its pauses have a limit.</summary>
    public void Answered()
    {
        lock (_lock)
        {
            _hasAnswered = true;
            _deadline.Clear();
        }
    }

    /// <summary>We wait for more of an answer that has begun; it has so long to come.</summary>
    public void ExpectMore(TimeSpan within) => _deadline.Set(within);

    /// <summary>More came, or we do not wait for the origin any more.</summary>
    public void GotMore() => _deadline.Clear();

    /// <summary>Gives it up at once. Safe from any thread.</summary>
    public void Abort() => _connection.Abort();

    void IDeadlineTarget.OnDeadline()
    {
        IsLate = true;
        Abort();
    }

    /// <summary>
    /// Closes it and waits until nothing of it is in use. An origin that does not take even the end of it, as TLS has one, is
    /// waited for a moment.
    /// </summary>
    public async ValueTask CloseAsync(DeadlineClock clock)
    {
        _deadline.Set(CloseTime);
        await Input.CompleteAsync();
        try
        {
            await Output.CompleteAsync();
        }
        catch (IOException)
        {
            // It was broken already, and closing it is all we want.
        }
        finally
        {
            clock.Remove(_deadline);
            _deadline.Clear();
        }

        await _connection.DisposeAsync();
    }
}
