namespace Tunnel.Transport.EventThreads;

/// <summary>A thread that waits for sockets and does what they bring, and to which work can be given.</summary>
internal interface IEventThread
{
    /// <summary>
    /// Puts work off until the thread has handled what it has at hand. On that thread alone. False: it cannot be put off.
    /// </summary>
    public bool TryPutOff(Action<object?> action, object? state);

    /// <summary>From any thread: calls back on the event thread as soon as that comes to it.</summary>
    public void Ask(Action onHeard);
}
