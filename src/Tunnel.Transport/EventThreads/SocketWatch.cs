using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Tunnel.Transport.EventThreads;

/// <summary>
/// What one socket has to say, heard by an <see cref="EventLoop"/>: each half is waited for by at most one handler at a time,
/// and what comes while nobody waits is kept as a mark. Without a loop (<see cref="IsOn"/> is false) it does nothing.
/// </summary>
/// <remarks>
/// Edges, not levels: whoever waits must have emptied (or filled) the socket before, or have been told so by a call that moved
/// fewer bytes than it was asked to (epoll(7), question 9).
/// </remarks>
internal sealed class SocketWatch
{
    private const int Nothing = 0;
    private const int Marked = 1;
    private const int Waiting = 2;

    private EventLoop? _loop;
    private IReadyHandler? _receiver;
    private IReadyHandler? _sender;
    private int _receive;
    private int _send;
    private int _isDropped;
    private volatile bool _hasEnded;
    private volatile bool _isUrgent;
    private volatile bool _isClosed;

    /// <summary>What the system knows the socket by.</summary>
    public ulong Data { get; set; }

    /// <summary>It takes connections in, and is none: it does not count among the loop's sockets.</summary>
    public bool IsListener { get; init; }

    /// <summary>A loop listens. False: the runtime has to wait for the socket.</summary>
    public bool IsOn => _loop is not null;

    /// <summary>
    /// The peer has sent urgent data (RFC 9293, section 3.8.5), at which a receive stops: fewer bytes than asked for do not
    /// mean that there are no more.
    /// </summary>
    public bool IsUrgent => _isUrgent;

    /// <summary>Something has come since the last wait, or seemed to. False is sure but for what the loop has not heard yet.</summary>
    public bool HasNews => _hasEnded || Volatile.Read(ref _receive) == Marked;

    /// <summary>Begins to listen. Once; without loops, or when the system refuses, it stays off.</summary>
    public void Begin(SafeHandle socket, IReadyHandler? receiver, IReadyHandler? sender) =>
        Begin(EventLoop.Next(), socket, receiver, sender);

    /// <param name="loop">Who listens.</param>
    /// <inheritdoc cref="Begin(SafeHandle, IReadyHandler?, IReadyHandler?)"/>
    public void Begin(EventLoop? loop, SafeHandle socket, IReadyHandler? receiver, IReadyHandler? sender)
    {
        _receiver = receiver;
        _sender = sender;
        if (loop is not null && loop.TryAdd(this, socket))
        {
            _loop = loop;
        }
    }

    /// <summary>True: the handler will be called. False: there may be something now, or the socket was closed.</summary>
    public bool TryWaitToReceive(out SocketError error)
    {
        if (_hasEnded)
        {
            error = _isClosed ? SocketError.OperationAborted : SocketError.Success;
            return false;
        }

        return TryWait(ref _receive, out error);
    }

    /// <summary>True: the handler will be called. False: there may be room now, or the socket was closed.</summary>
    public bool TryWaitToSend(out SocketError error) => TryWait(ref _send, out error);

    /// <summary>The handler did not try: who waits next has to. Before anybody can wait again.</summary>
    public void Keep() => Volatile.Write(ref _receive, Marked);

    /// <summary>Whoever waits to receive is not called any more. False: nobody waited.</summary>
    public bool TryStopWaitingToReceive() => Interlocked.CompareExchange(ref _receive, Nothing, Waiting) == Waiting;

    /// <summary>A send begins: room that came before it means nothing any more.</summary>
    public void BeginSend() => Volatile.Write(ref _send, Nothing);

    /// <summary>The socket was closed: who waits is told so, on the loop.</summary>
    public void Close()
    {
        if (_loop is null || Interlocked.Exchange(ref _isDropped, 1) != 0)
        {
            return;
        }

        _isClosed = true;
        _loop.Drop(this);
        Interlocked.MemoryBarrier();
        if (_receive == Waiting || _send == Waiting)
        {
            _loop.Ask(() =>
            {
                Abort(ref _receive, _receiver);
                Abort(ref _send, _sender);
            });
        }
    }

    /// <summary>Stops listening to a socket that stays open; nobody may be waiting.</summary>
    public void End(SafeHandle socket)
    {
        if (_loop is not null && Interlocked.Exchange(ref _isDropped, 1) == 0)
        {
            _loop.Remove(this, socket);
        }
    }

    /// <summary>On the loop alone.</summary>
    internal void OnEvents(uint flags)
    {
        if ((flags & (Epoll.PeerEnded | Epoll.Gone)) != 0)
        {
            _hasEnded = true;
        }

        if ((flags & Epoll.Urgent) != 0)
        {
            _isUrgent = true;
        }

        if ((flags & (Epoll.Writable | Epoll.Failed | Epoll.Gone)) != 0)
        {
            Tell(ref _send, _sender);
        }

        if ((flags & (Epoll.Readable | Epoll.Urgent | Epoll.PeerEnded | Epoll.Failed | Epoll.Gone)) != 0)
        {
            Tell(ref _receive, _receiver);
        }
    }

    private static void Tell(ref int half, IReadyHandler? handler)
    {
        if (Volatile.Read(ref half) != Marked && Interlocked.Exchange(ref half, Marked) == Waiting)
        {
            // The mark is the waiter's own: it tries now.
            Volatile.Write(ref half, Nothing);
            handler!.OnReady(SocketError.Success);
        }
    }

    private static void Abort(ref int half, IReadyHandler? handler)
    {
        if (Interlocked.CompareExchange(ref half, Nothing, Waiting) == Waiting)
        {
            handler!.OnReady(SocketError.OperationAborted);
        }
    }

    private bool TryWait(ref int half, out SocketError error)
    {
        error = SocketError.Success;
        if (Interlocked.CompareExchange(ref half, Waiting, Nothing) != Nothing)
        {
            // Only the loop marks and only the waiter takes the mark away.
            Volatile.Write(ref half, Nothing);
        }
        else if (!_isClosed || Interlocked.CompareExchange(ref half, Nothing, Waiting) != Waiting)
        {
            return true;
        }

        if (_isClosed)
        {
            error = SocketError.OperationAborted;
        }

        return false;
    }
}
