using System.Threading.Tasks.Sources;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// The awaitable of one call that could not finish at once, reused for the next. Whoever wants to finish it
/// (the socket, a cancellation, an abort) must first win it with <see cref="TryClaim"/>; exactly one does.
/// </summary>
internal sealed class PendingCall<T> : IValueTaskSource<T>
{
    private const int Idle = 0;
    private const int Waiting = 1;

    private ManualResetValueTaskSourceCore<T> _core;
    private CancellationTokenRegistration _registration;
    private int _state;

    public bool IsWaiting => Volatile.Read(ref _state) == Waiting;

    public ValueTask<T> Task => new(this, _core.Version);

    /// <summary>The token of the call that waits.</summary>
    public CancellationToken Token { get; private set; }

    /// <summary>
    /// Starts a call. The callback may run before this returns; it gets <paramref name="owner"/> and has to claim
    /// like everybody else.
    /// </summary>
    public void Begin(Action<object?, CancellationToken> onCancelled, object owner, CancellationToken token)
    {
        _core.Reset();
        Token = token;
        Volatile.Write(ref _state, Waiting);
        if (token.CanBeCanceled)
        {
            _registration = token.UnsafeRegister(onCancelled, owner);
        }
    }

    public bool TryClaim() => Interlocked.CompareExchange(ref _state, Idle, Waiting) == Waiting;

    /// <param name="result">What the caller gets.</param>
    /// <param name="inline">True on a socket's own thread; false where the finisher's stack is not ours to use.</param>
    public void SetResult(T result, bool inline)
    {
        if (!inline && EventLoop.OfThisThread is { } loop)
        {
            // No other thread needs to be woken for it.
            loop.PutOff(
                static state =>
                {
                    (PendingCall<T> call, T late) = ((PendingCall<T>, T))state!;
                    call.SetResult(late, inline: true);
                },
                (this, result));
            return;
        }

        _core.RunContinuationsAsynchronously = !inline;
        _core.SetResult(result);
    }

    public void SetException(Exception exception, bool inline)
    {
        _core.RunContinuationsAsynchronously = !inline;
        _core.SetException(exception);
    }

    T IValueTaskSource<T>.GetResult(short token)
    {
        // Waits for a callback that is just running, so that it cannot hit the next call.
        _registration.Dispose();
        _registration = default;
        Token = default;
        return _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<T>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
