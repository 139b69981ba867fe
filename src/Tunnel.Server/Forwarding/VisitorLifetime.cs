using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// What the request under way has elsewhere in the server, a place in a row or a stream, and what ends when the visitor
/// leaves. Not the exchange's affair: that may serve somebody else by then. Safe from any thread.
/// </summary>
internal sealed class VisitorLifetime
{
    private ITunnelStream? _stream;
    private WaitingRequest? _held;
    private TaskCompletionSource? _settled;
    private volatile bool _isGone;
    private volatile bool _isSettled;

    /// <summary>The login that lives on this connection; null: none does. The visitor's own task alone touches it.</summary>
    public ConnectionLogin? Login { get; set; }

    /// <summary>The visitor is gone: every exchange ends at once.</summary>
    public bool IsGone => _isGone;

    /// <summary>The request waits for a session.</summary>
    public bool IsWaiting => Volatile.Read(ref _held) is not null;

    /// <summary>Another request may come that will look for a session.</summary>
    public void Unsettle() => _isSettled = false;

    /// <summary>The request under way needs no session any more, or has one.</summary>
    public void Settle()
    {
        _isSettled = true;
        Interlocked.MemoryBarrier();
        Interlocked.Exchange(ref _settled, null)?.TrySetResult();
    }

    /// <summary>Completes when no request of this connection looks for a session.</summary>
    public Task WhenSettledAsync()
    {
        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource waited = Interlocked.CompareExchange(ref _settled, mine, null) ?? mine;
        if (_isSettled)
        {
            waited.TrySetResult();
        }

        return waited.Task;
    }

    /// <summary>The stream of the request under way: it is reset when the visitor leaves, or at once if it has left.</summary>
    public void Attach(ITunnelStream stream)
    {
        Interlocked.Exchange(ref _stream, stream);
        if (_isGone)
        {
            stream.Abort(ResetCode.Cancelled);
        }
    }

    /// <summary>The request is over.</summary>
    public void Detach() => Volatile.Write(ref _stream, null);

    /// <summary>
    /// The request under way waits for a session. A visitor that ends its sending meanwhile is taken to have left: nothing
    /// else tells a request that is waited for from one that is not.
    /// </summary>
    /// <param name="request">Nobody reads it while it waits, and somebody must notice when the visitor leaves.</param>
    public async Task<Route> WaitAsync(WaitingRequest held, IVisitorRequest request)
    {
        Interlocked.Exchange(ref _held, held);
        if (_isGone)
        {
            held.Cancel();
        }

        request.Watch();
        Route route = await held.Released;
        Volatile.Write(ref _held, null);
        return route;
    }

    /// <summary>The visitor sends nothing more, and may have left.</summary>
    public void MayBeGone() => Volatile.Read(ref _stream)?.MayBeAbandoned();

    /// <summary>The visitor has left.</summary>
    public void Break()
    {
        _isGone = true;
        Interlocked.MemoryBarrier();
        Volatile.Read(ref _stream)?.Abort(ResetCode.Cancelled);
        Volatile.Read(ref _held)?.Cancel();
    }
}
