using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tls;

/// <summary>The first reason for which an encrypted connection broke, shared by both halves.</summary>
internal sealed class TlsFault
{
    private ConnectionBrokenException? _reason;

    public bool IsSet => Volatile.Read(ref _reason) is not null;

    /// <summary>What failed, in the words of this project; the first call wins. Returns a fresh exception of the reason that holds.</summary>
    /// <param name="isTruncated">The link ended, and no close_notify had come.</param>
    public ConnectionBrokenException Set(Exception error, bool isTruncated)
    {
        ConnectionBrokenException reason = error switch
        {
            ConnectionBrokenException broken => broken,
            ObjectDisposedException => new ConnectionBrokenException(ConnectionBreak.Aborted, error),
            _ => new ConnectionBrokenException(isTruncated ? ConnectionBreak.Truncated : ConnectionBreak.Corrupt, error),
        };
        return Again(Interlocked.CompareExchange(ref _reason, reason, null) ?? reason);
    }

    /// <exception cref="InvalidOperationException">Nothing is set.</exception>
    public ConnectionBrokenException Again() => Again(_reason ?? throw new InvalidOperationException("The connection is not broken."));

    private static ConnectionBrokenException Again(ConnectionBrokenException reason) => new(reason);
}
