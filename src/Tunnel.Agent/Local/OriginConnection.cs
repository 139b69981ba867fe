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

    public OriginConnection(Socket socket, SocketConnection connection, DeadlineClock clock)
    {
        _socket = socket;
        _connection = connection;
        Deadline = clock.Add(this);
    }

    public PipeReader Input => _connection.Input;

    public PipeWriter Output => _connection.Output;

    public Deadline Deadline { get; }

    /// <summary>The deadline passed, and the connection was aborted for it.</summary>
    public bool IsLate { get; private set; }

    /// <summary>It has served a request before.</summary>
    public bool IsReused { get; set; }

    /// <summary>When it became idle, and when the pool gives it up.</summary>
    public TimeSpan IdleSince { get; set; }

    public TimeSpan IdleUntil { get; set; }

    /// <summary>
    /// Something can be read although nothing was asked: the origin closed it, or spoke out of turn. Either way it is of
    /// no use for another request.
    /// </summary>
    public bool IsReadable
    {
        get
        {
            try
            {
                return _socket.Poll(0, SelectMode.SelectRead);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return true;
            }
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
        clock.Remove(Deadline);
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
