using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Accepts while an event loop of ours waits, and on its thread: whoever takes a connection over may begin with it there, and no
/// other thread has to be woken for that.
/// </summary>
/// <remarks>One caller. Does not own the listening socket; dispose it before that one.</remarks>
internal sealed class LoopAccept : IReadyHandler, IDisposable
{
    /// <summary>So many in a row; then what else the loop has heard of has its turn.</summary>
    private const int MostInRow = 16;

    private static readonly Action<object?, CancellationToken> Cancelled =
        static (accept, token) => ((LoopAccept)accept!).OnCancelled(token);

    private readonly Socket _listener;
    private readonly SocketWatch _watch = new() { IsListener = true };
    private readonly EventLoop _loop;
    private readonly PendingCall<bool> _turn = new();
    private int _inRow;

    private LoopAccept(Socket listener, EventLoop loop)
    {
        _listener = listener;
        _loop = loop;
    }

    /// <summary>Null: the runtime has to wait for this socket.</summary>
    public static LoopAccept? TryBegin(Socket listener)
    {
        if (EventLoop.All is not [var loop, ..])
        {
            return null;
        }

        var accept = new LoopAccept(listener, loop);
        accept._watch.Begin(loop, listener.SafeHandle, accept, null);
        return accept._watch.IsOn ? accept : null;
    }

    /// <summary>Awaited, it goes on on the loop's thread.</summary>
    public LoopTurn Turn => new(_loop);

    /// <summary>The next connection. Whoever asks on the loop's thread gets it there, unless another process has taken the one at hand.</summary>
    /// <inheritdoc cref="Socket.AcceptAsync(CancellationToken)" path="/exception"/>
    public ValueTask<Socket> AcceptAsync(CancellationToken stop) =>
        EventLoop.OfThisThread == _loop && _inRow < MostInRow && !stop.IsCancellationRequested && HasOne() ? TakeAsync(stop) : WaitAsync(stop);

    public void Dispose() => _watch.End(_listener.SafeHandle);

    /// <inheritdoc/>
    public void OnReady(SocketError error)
    {
        if (_turn.TryClaim())
        {
            _turn.SetResult(true, inline: true);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Socket> WaitAsync(CancellationToken stop)
    {
        while (true)
        {
            if (EventLoop.OfThisThread != _loop || _inRow == MostInRow)
            {
                await Turn;
            }
            else
            {
                _turn.Begin(Cancelled, this, stop);
                if (!_watch.TryWaitToReceive(out _))
                {
                    OnReady(SocketError.Success);
                }

                await _turn.Task;
            }

            _inRow = 0;
            if (HasOne())
            {
                return await TakeAsync(stop);
            }
        }
    }

    private bool HasOne() => _listener.Poll(0, SelectMode.SelectRead);

    // At once: the runtime waits only if another process that accepts from the same socket was faster. A call that does not wait would
    // tell the connection not to wait either, for which the runtime keeps a context of 220 bytes.
    private ValueTask<Socket> TakeAsync(CancellationToken stop)
    {
        _inRow++;
        return _listener.AcceptAsync(stop);
    }

    private void OnCancelled(CancellationToken token)
    {
        if (_turn.TryClaim())
        {
            _turn.SetException(new OperationCanceledException(token), inline: false);
        }
    }
}
