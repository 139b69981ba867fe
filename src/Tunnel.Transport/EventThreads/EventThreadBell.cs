using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Tunnel.Transport.EventThreads;

/// <summary>
/// A pair of sockets by which an event thread sends word to itself: it hears of it together with what its other sockets
/// have to say next. Belongs to the thread that it finds itself on, for as long as the process lives.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "It lives as long as the process, like its thread.")]
internal sealed partial class EventThreadBell : IEventThread
{
    private const int Unix = 1;
    private const int Stream = 1;

    private readonly Socket _rope;
    private readonly Socket _bell;
    private readonly SocketAsyncEventArgs _hearing = new();
    private readonly Queue<(Action<object?> Action, object? State)> _putOff = new();
    private readonly ConcurrentQueue<Action> _asked = new();
    private readonly Action<EventThreadBell> _onThread;
    private bool _isRung;

    private EventThreadBell(Socket rope, Socket bell, Action<EventThreadBell> onThread)
    {
        _rope = rope;
        _bell = bell;
        _onThread = onThread;
        _hearing.SetBuffer(new byte[16]);
        _hearing.Completed += static (_, hearing) => ((EventThreadBell)hearing.UserToken!).OnRung();
        _hearing.UserToken = this;
    }

    /// <summary>Makes one and rings it, so that it learns which thread is its own. Unix only.</summary>
    /// <param name="onThread">Told on that thread; not at all when it is none that waits for sockets.</param>
    /// <returns>Null without descriptors for it: the pool does what is put off.</returns>
    public static EventThreadBell? Hang(Action<EventThreadBell> onThread)
    {
        int[] pair = new int[2];
        if (SocketPair(Unix, Stream, 0, pair) != 0)
        {
            return null;
        }

        var bell = new EventThreadBell(
            new Socket(new SafeSocketHandle(pair[0], ownsHandle: true)), new Socket(new SafeSocketHandle(pair[1], ownsHandle: true)), onThread);
        bell.Listen();
        bell.Ring();
        return bell;
    }

    public bool TryPutOff(Action<object?> action, object? state)
    {
        if (!_isRung)
        {
            if (!Ring())
            {
                return false;
            }

            _isRung = true;
        }

        _putOff.Enqueue((action, state));
        return true;
    }

    /// <remarks>If the ring fails, the next one is heard.</remarks>
    public void Ask(Action onHeard)
    {
        _asked.Enqueue(onHeard);
        Ring();
    }

    private bool Ring()
    {
        try
        {
            return _rope.Send("!"u8) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Listen()
    {
        while (!_bell.ReceiveAsync(_hearing))
        {
            Answer();
        }
    }

    private void OnRung()
    {
        if (!Thread.CurrentThread.IsThreadPoolThread)
        {
            _onThread(this);
        }

        Answer();
        Listen();
    }

    private void Answer()
    {
        // What is put off by this work is for the next time.
        _isRung = false;
        for (int count = _putOff.Count; count > 0; count--)
        {
            (Action<object?> action, object? state) = _putOff.Dequeue();
            action(state);
        }

        while (_asked.TryDequeue(out Action? onHeard))
        {
            onHeard();
        }
    }

    [LibraryImport("libc", EntryPoint = "socketpair")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SocketPair(int domain, int type, int protocol, [Out] int[] pair);
}
