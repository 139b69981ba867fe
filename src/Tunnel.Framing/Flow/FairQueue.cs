namespace Tunnel.Framing.Flow;

/// <summary>What a stream keeps for the queue it waits in.</summary>
internal abstract class FairQueueItem<T>
    where T : FairQueueItem<T>
{
    public T? NextInQueue { get; set; }

    public T? PreviousInQueue { get; set; }

    public bool IsQueued { get; set; }

    /// <summary>Bytes it may still send ahead of the busy ones. Does not change while it waits: it says in which line.</summary>
    public int FreshBytes { get; set; }

    /// <summary>Bytes left of its turn among the busy ones; 0 or less: the turn is over.</summary>
    public int TurnBytes { get; set; }
}

/// <summary>
/// Whose turn it is to send (docs/architecture.md, "Whose turn it is to send"): busy streams take turns of
/// <see cref="Turn"/>; one that has just become active goes ahead of them for its first 16 KiB, but the busy ones get a
/// frame at least every 32 KiB or 32 frames. Intrusive, so that queueing allocates nothing. Pure; the caller holds the lock.
/// </summary>
internal sealed class FairQueue<T>
    where T : FairQueueItem<T>
{
    /// <summary>What a stream that became active may send ahead of the busy ones.</summary>
    public const int FreshAllowance = 16 * 1024;

    /// <summary>
    /// What a busy stream sends before the next one does. A batch of the writer is as large: with a piece of every stream in it,
    /// whoever receives it had to wake a user for each piece.
    /// </summary>
    public const int Turn = 64 * 1024;

    private const int FreshBytesInARow = 32 * 1024;
    private const int FreshFramesInARow = 32;

    private Line _fresh;
    private Line _busy;
    private int _freshBytes;
    private int _freshFrames;

    public bool IsEmpty => _fresh.First is null && _busy.First is null;

    /// <summary>Lets a stream wait for its turn; one that already waits stays where it is.</summary>
    public void Add(T item)
    {
        if (item.IsQueued)
        {
            return;
        }

        item.IsQueued = true;
        if (item.FreshBytes > 0)
        {
            _fresh.Append(item);
        }
        else if (item.TurnBytes > 0)
        {
            _busy.Prepend(item);
        }
        else
        {
            _busy.Append(item);
        }
    }

    /// <summary>The stream whose turn it is, no longer queued; null when none waits.</summary>
    public T? Take()
    {
        bool busyIsDue = _freshBytes >= FreshBytesInARow || _freshFrames >= FreshFramesInARow;
        T? item = _fresh.First;
        if (item is null || (busyIsDue && _busy.First is not null))
        {
            _freshBytes = 0;
            _freshFrames = 0;
            item = _busy.First;
            if (item is { TurnBytes: <= 0 })
            {
                item.TurnBytes = Turn;
            }
        }

        if (item is not null)
        {
            Remove(item);
        }

        return item;
    }

    /// <summary>The stream waits no more, whether or not it did. The queue holds nothing of it from here on.</summary>
    public void Remove(T item)
    {
        if (!item.IsQueued)
        {
            return;
        }

        if (item.FreshBytes > 0)
        {
            _fresh.Remove(item);
        }
        else
        {
            _busy.Remove(item);
        }
    }

    /// <summary>The stream just taken sent a frame of so many bytes; if it is to wait again, the caller adds it.</summary>
    public void Sent(T item, int bytes)
    {
        // Its user may have added it meanwhile, to the line that it is about to leave.
        Remove(item);
        if (item.FreshBytes > 0)
        {
            item.FreshBytes -= bytes;
            _freshBytes += bytes;
            _freshFrames++;
        }
        else
        {
            item.TurnBytes -= bytes;
        }
    }

    private struct Line
    {
        private T? _last;

        public T? First { get; private set; }

        public void Append(T item)
        {
            item.PreviousInQueue = _last;
            if (_last is null)
            {
                First = item;
            }
            else
            {
                _last.NextInQueue = item;
            }

            _last = item;
        }

        public void Prepend(T item)
        {
            item.NextInQueue = First;
            if (First is null)
            {
                _last = item;
            }
            else
            {
                First.PreviousInQueue = item;
            }

            First = item;
        }

        public void Remove(T item)
        {
            if (item.PreviousInQueue is { } previous)
            {
                previous.NextInQueue = item.NextInQueue;
            }
            else
            {
                First = item.NextInQueue;
            }

            if (item.NextInQueue is { } next)
            {
                next.PreviousInQueue = item.PreviousInQueue;
            }
            else
            {
                _last = item.PreviousInQueue;
            }

            item.PreviousInQueue = null;
            item.NextInQueue = null;
            item.IsQueued = false;
        }
    }
}
