using System.IO.Pipelines;
using System.Net;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport;

/// <summary>
/// A connection between two programs, plain or encrypted, as a pair of pipes. Both directions are independent; each
/// ends by itself.
/// </summary>
/// <remarks>
/// Input: one consumer; the orderly end of the peer's sending is <c>IsCompleted</c>. Output: one producer; completing it
/// ends our sending and leaves the other direction alone, completing it with an exception resets the connection. Both
/// fail with <see cref="ConnectionBrokenException"/>, and with nothing else, when the connection breaks. A read and a
/// flush may be pending at the same time. Cancelling either ends the waiting and loses nothing.
/// </remarks>
public interface IConnection : IDuplexPipe, IAsyncDisposable
{
    /// <summary>Our address.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>The address of whoever is connected.</summary>
    public IPEndPoint RemoteEndPoint { get; }

    /// <summary>
    /// How far the peer has come with what was sent, for whoever compares two moments: bytes its system has acknowledged
    /// or, where ours does not say, bytes ours has taken. From any thread; a system call.
    /// </summary>
    public long Delivered { get; }

    /// <summary>Takes back what was written to the output since its last flush. The producer calls it.</summary>
    public void DiscardUnflushed();

    /// <summary>
    /// Gives the connection up: the peer sees a reset, pending reads and flushes fail with
    /// <see cref="ConnectionBreak.Aborted"/>. From any thread, at any time, any number of times.
    /// </summary>
    public void Abort();
}
