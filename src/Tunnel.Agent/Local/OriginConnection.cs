using System.IO.Pipelines;
using System.Net.Sockets;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>
/// One connection to the origin. Belongs either to the exchange that uses it or to the pool, never to both; a deadline
/// of the shared clock can end it.
/// </summary>
internal sealed class OriginConnection : IDeadlineTarget
{
    private readonly Socket _socket;
    private readonly SocketConnection _connection;
    private readonly Deadline _deadline;
    private readonly Lock _lock = new();
    private bool _hasAnswered;

    public OriginConnection(Socket socket, SocketConnection connection, DeadlineClock clock)
    {
        _socket = socket;
        _connection = connection;
        _deadline = clock.Add(this);
    }

    public PipeReader Input => _connection.Input;

    public PipeWriter Output => _connection.Output;

    /// <summary>No answer came in time, and the connection was aborted for it.</summary>
    public bool IsLate { get; private set; }

    /// <summary>It has served a request before.</summary>
    public bool IsReused { get; set; }

    /// <summary>When it became idle, and when the pool gives it up.</summary>
    public TimeSpan IdleSince { get; set; }

    public TimeSpan IdleUntil { get; set; }

    /// <summary>
    /// Nothing can be read, as it must be while nothing is asked. Otherwise the origin has closed it or spoken out of turn,
    /// and what it said would be taken for the answer to the next request.
    /// </summary>
    public bool IsQuiet
    {
        get
        {
            if (Input.TryRead(out ReadResult read))
            {
                Input.AdvanceTo(read.Buffer.Start);
                return false;
            }

            try
            {
                return !_socket.Poll(0, SelectMode.SelectRead);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

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

    /// <summary>The head of the answer is there: what follows may take as long as it takes.</summary>
    public void Answered()
    {
        lock (_lock)
        {
            _hasAnswered = true;
            _deadline.Clear();
        }
    }

    /// <summary>Gives it up at once. Safe from any thread.</summary>
    public void Abort() => _connection.Abort();

    void IDeadlineTarget.OnDeadline()
    {
        IsLate = true;
        Abort();
    }

    /// <summary>Closes it and waits until nothing of it is in use.</summary>
    public async ValueTask CloseAsync(DeadlineClock clock)
    {
        clock.Remove(_deadline);
        await Input.CompleteAsync();
        try
        {
            await Output.CompleteAsync();
        }
        catch (IOException)
        {
            // It was broken already, and closing it is all we want.
        }

        await _connection.DisposeAsync();
    }
}
