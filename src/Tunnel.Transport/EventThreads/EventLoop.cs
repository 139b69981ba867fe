using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tunnel.Transport.EventThreads;

/// <summary>
/// A thread of ours that waits for its share of the process's sockets with epoll and runs what they were waited for. The
/// runtime's own way asks a socket once more each time before it waits; here what the last call said is enough
/// (docs/performance.md). Linux only; lives as long as the process.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "It lives as long as the process.")]
internal sealed class EventLoop
{
    private const int MostEvents = 128;

    private const int FewSockets = 4;

    // No slot has this number: the event of the wake descriptor.
    private const ulong WakeData = ulong.MaxValue;

    private static readonly EventLoop[] Loops = InlineCompletions.AreOn && OperatingSystem.IsLinux() ? Start(Environment.ProcessorCount) : [];

    [ThreadStatic]
    private static EventLoop? _ofThisThread;

    private static uint _turn;

    private readonly SafeFileHandle _epoll;
    private readonly SafeFileHandle _wake;
    private readonly Queue<(Action<object?> Action, object? State)> _putOff = new();
    private readonly ConcurrentQueue<Action> _asked = new();
    private int _isWoken;

    // Which watch an event belongs to. Written under the lock, read by the loop alone.
    private readonly Lock _lock = new();
    private readonly Stack<int> _free = new();
    private SocketWatch?[] _watches = new SocketWatch?[64];
    private int _used;
    private uint _generation;
    private int _count;

    private EventLoop(SafeFileHandle epoll, SafeFileHandle wake)
    {
        _epoll = epoll;
        _wake = wake;
    }

    /// <summary>Sockets it listens to, but for those that take connections in.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>All of this process; none where the runtime's own threads wait.</summary>
    public static IReadOnlyList<EventLoop> All => Loops;

    /// <summary>The loop whose thread asks, if it is one.</summary>
    public static EventLoop? OfThisThread => _ofThisThread;

    /// <summary>
    /// The one for the next socket; null without loops. Sockets are dealt out evenly, but for the first few: with hardly anything
    /// to do, one thread that hands nothing to another processor answers sooner.
    /// </summary>
    public static EventLoop? Next() =>
        Loops.Length == 0 ? null
        : Loops[0].Count < FewSockets ? Loops[0]
        : Loops[Interlocked.Increment(ref _turn) % (uint)Loops.Length];

    /// <summary>From now on the watch hears what the socket has to say. False: the system refused.</summary>
    public bool TryAdd(SocketWatch watch, SafeHandle socket)
    {
        lock (_lock)
        {
            if (!_free.TryPop(out int slot))
            {
                slot = _used++;
                if (slot == _watches.Length)
                {
                    // The loop may go on with the old one: what is new in this one has had no event yet.
                    var larger = new SocketWatch?[_watches.Length * 2];
                    _watches.CopyTo(larger, 0);
                    Volatile.Write(ref _watches, larger);
                }
            }

            _count += watch.IsListener ? 0 : 1;

            // An event of the slot's last owner may be on its way still.
            watch.Data = ((ulong)(_generation++ & int.MaxValue) << 32) | (uint)slot;
            _watches[slot] = watch;
        }

        try
        {
            if (Epoll.TryAdd(_epoll, socket, watch.Data))
            {
                return true;
            }
        }
        catch (ObjectDisposedException)
        {
            // Closed already.
        }

        Drop(watch);
        return false;
    }

    /// <summary>The watch hears nothing any more; the system forgets the socket by itself when it is closed.</summary>
    public void Drop(SocketWatch watch)
    {
        int slot = (int)(uint)watch.Data;
        lock (_lock)
        {
            _watches[slot] = null;
            _free.Push(slot);
            _count -= watch.IsListener ? 0 : 1;
        }
    }

    /// <summary>As <see cref="Drop"/>, for a socket that stays open.</summary>
    public void Remove(SocketWatch watch, SafeHandle socket)
    {
        Epoll.Remove(_epoll, socket);
        Drop(watch);
    }

    /// <summary>Puts work off until the loop has handled what it has at hand. On its own thread alone.</summary>
    public void PutOff(Action<object?> action, object? state) => _putOff.Enqueue((action, state));

    /// <summary>From any thread: calls back on the loop's as soon as that comes to it.</summary>
    public void Ask(Action onHeard)
    {
        _asked.Enqueue(onHeard);
        if (Interlocked.Exchange(ref _isWoken, 1) == 0)
        {
            Epoll.Raise(_wake);
        }
    }

    private static EventLoop[] Start(int count)
    {
        var loops = new List<EventLoop>();
        while (loops.Count < count && TryCreate() is { } loop)
        {
            loops.Add(loop);
            new Thread(loop.Run) { IsBackground = true, Name = "Tunnel events" }.UnsafeStart();
        }

        return [.. loops];
    }

    private static EventLoop? TryCreate()
    {
        SafeFileHandle? epoll = Epoll.TryCreate();
        SafeFileHandle? wake = Epoll.TryCreateEvent();
        if (epoll is not null && wake is not null && Epoll.TryAdd(epoll, wake, WakeData))
        {
            return new EventLoop(epoll, wake);
        }

        epoll?.Dispose();
        wake?.Dispose();
        return null;
    }

    private void Run()
    {
        _ofThisThread = this;
        ThreadPolicy.Batch();
        Span<byte> events = stackalloc byte[MostEvents * Epoll.EventSize];
        while (true)
        {
            int count = Epoll.Wait(_epoll, events, isPatient: _putOff.Count == 0);
            for (int i = 0; i < count; i++)
            {
                (uint flags, ulong data) = Epoll.Read(events, i);
                if (data == WakeData)
                {
                    Hear();
                }
                else if (Volatile.Read(ref _watches)[(int)(uint)data] is { } watch && watch.Data == data)
                {
                    watch.OnEvents(flags);
                }
            }

            RunPutOff();
        }
    }

    private void RunPutOff()
    {
        // What is put off by this work is for the next time.
        for (int left = _putOff.Count; left > 0; left--)
        {
            (Action<object?> action, object? state) = _putOff.Dequeue();
            action(state);
        }
    }

    private void Hear()
    {
        // Not a mere store: whoever asks must not find the mark of a wake-up whose look into the queue is over already.
        Interlocked.Exchange(ref _isWoken, 0);
        while (_asked.TryDequeue(out Action? onHeard))
        {
            onHeard();
        }
    }
}
