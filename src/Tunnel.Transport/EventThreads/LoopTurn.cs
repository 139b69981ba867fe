using System.Runtime.CompilerServices;

namespace Tunnel.Transport.EventThreads;

/// <summary>Awaited, it goes on on the loop's thread, after what the loop has at hand.</summary>
internal readonly struct LoopTurn(EventLoop loop) : ICriticalNotifyCompletion
{
    // Also on that thread: others are to have their turn.
    public bool IsCompleted => false;

    public LoopTurn GetAwaiter() => this;

    public void OnCompleted(Action continuation) => loop.Ask(continuation);

    public void UnsafeOnCompleted(Action continuation) => loop.Ask(continuation);

    public void GetResult()
    {
    }
}
