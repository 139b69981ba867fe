using Tunnel.Framing.Sessions;

namespace Tunnel.Agent.Local;

/// <summary>
/// Ties the origin connection of one exchange to its stream: when the visitor leaves or the session ends, the connection
/// is aborted and a dial under way is given up. Serves one stream after the other. A stream's callback may come late, so
/// everything is let go of under a lock, and a callback says whose it is: it must not find a connection that meanwhile
/// serves somebody else.
/// </summary>
internal sealed class OriginHold
{
    private readonly Lock _lock = new();
    private readonly Action<object?> _onAborted;
    private TunnelStream? _stream;
    private OriginConnection? _connection;
    private CancellationTokenSource? _gone;
    private bool _isGone;

    public OriginHold() => _onAborted = OnAborted;

    public OriginConnection? Connection => _connection;

    /// <summary>Nobody waits for the answer any more.</summary>
    public bool IsGone => Volatile.Read(ref _isGone);

    /// <summary>Cancelled when nobody waits any more.</summary>
    public CancellationToken Gone
    {
        get
        {
            lock (_lock)
            {
                _gone ??= new CancellationTokenSource();
                if (_isGone)
                {
                    _gone.Cancel();
                }

                return _gone.Token;
            }
        }
    }

    /// <summary>The exchange of this stream begins; the one before has ended.</summary>
    public void Begin(TunnelStream stream)
    {
        lock (_lock)
        {
            _stream = stream;
            _isGone = false;
        }

        stream.WhenAborted(_onAborted, stream);
    }

    /// <summary>The exchange is over. What it still held is the caller's alone from here on.</summary>
    public OriginConnection? End()
    {
        lock (_lock)
        {
            _stream = null;
            _gone = null;
            return Release();
        }
    }

    /// <summary>From now on the connection ends with the stream.</summary>
    public void Use(OriginConnection connection)
    {
        lock (_lock)
        {
            _connection = connection;
            if (_isGone)
            {
                connection.Abort();
            }
        }
    }

    /// <summary>The connection, if there is one, is the caller's alone from here on.</summary>
    public OriginConnection? Release()
    {
        lock (_lock)
        {
            OriginConnection? connection = _connection;
            _connection = null;
            return connection;
        }
    }

    private void OnAborted(object? stream)
    {
        CancellationTokenSource? gone;
        lock (_lock)
        {
            if (stream != _stream)
            {
                return;
            }

            _isGone = true;
            _connection?.Abort();
            gone = _gone;
        }

        // Not here: whoever waits for it must not go on in the session's reader loop.
        _ = gone?.CancelAsync();
    }
}
