using System.Buffers;
using Tunnel.Transport.Buffers;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// What was received and not consumed yet, as a chain of pooled blocks, with the size the next block should have.
/// Not thread-safe: its reader says who may touch it when. Empty, it holds nothing.
/// </summary>
/// <param name="mostBlock">No block that is rented is larger.</param>
internal sealed class ReceiveBuffer(MemoryPool<byte> pool, int mostBlock = BlockPool.LargeBlock)
{
    private const int Step = 4;

    private BufferSegment? _head;
    private BufferSegment? _tail;
    private BufferSegment? _fresh;
    private int _consumed;
    private int _blockSize = BlockPool.SmallBlock;
    private bool _allExamined;

    /// <summary>There are bytes the consumer has not examined yet.</summary>
    public bool HasNews => _head is not null && !_allExamined;

    /// <summary>The last receive filled all the room it was given: probably more is waiting.</summary>
    public bool LikelyMore { get; private set; }

    public ReadOnlySequence<byte> Sequence =>
        _head is null ? ReadOnlySequence<byte>.Empty : new(_head, _consumed, _tail!, _tail!.Filled);

    /// <summary>Room for one receive. Ends with <see cref="Commit"/> or <see cref="Discard"/>.</summary>
    public Memory<byte> Room()
    {
        // A rest too small for what comes in at the moment would only cost a system call of its own.
        if (_tail is not null && _tail.FreeLength >= _blockSize / Step)
        {
            return _tail.Free;
        }

        _fresh = BufferSegment.Rent(pool.Rent(_blockSize));
        return _fresh.Free;
    }

    /// <param name="bytes">Received into the room.</param>
    /// <param name="mayStopEarly">A receive may end before what is there does.</param>
    public void Commit(int bytes, bool mayStopEarly = false)
    {
        var target = _fresh ?? _tail!;
        var room = target.FreeLength;
        target.Fill(bytes);
        if (_fresh is not null)
        {
            if (_tail is null)
            {
                _head = _fresh;
                _consumed = 0;
            }
            else
            {
                _tail.Append(_fresh);
            }

            _tail = _fresh;
            _fresh = null;
        }

        _allExamined = false;
        LikelyMore = bytes == room || mayStopEarly;
        if (bytes == room)
        {
            _blockSize = Math.Min(_blockSize * Step, mostBlock);
        }
        else if (bytes < _blockSize / Step)
        {
            _blockSize = Math.Max(_blockSize / Step, BlockPool.SmallBlock);
        }
    }

    /// <summary>Nothing came: the block rented for it goes back at once.</summary>
    public void Discard()
    {
        _fresh?.Release();
        _fresh = null;
        LikelyMore = false;
    }

    /// <exception cref="InvalidOperationException">A position is not one of this buffer.</exception>
    public void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (_head is null)
        {
            return;
        }

        _allExamined = ReferenceEquals(examined.GetObject(), _tail) && examined.GetInteger() == _tail!.Filled;
        var target = Find(consumed);
        while (_head != target)
        {
            var spent = _head!;
            _head = spent.Following;
            spent.Release();
        }

        _consumed = consumed.GetInteger();
        if (_consumed == _head!.Filled)
        {
            // The end of a block is the start of the next one; the end of the last one leaves nothing to hold.
            var spent = _head;
            _head = spent.Following;
            _consumed = 0;
            spent.Release();
            if (_head is null)
            {
                _tail = null;
            }
        }
    }

    public void Clear()
    {
        Discard();
        while (_head is { } spent)
        {
            _head = spent.Following;
            spent.Release();
        }

        _tail = null;
        _consumed = 0;
    }

    private BufferSegment Find(SequencePosition position)
    {
        var wanted = position.GetObject();
        var index = position.GetInteger();
        for (var segment = _head; segment is not null; segment = segment.Following)
        {
            if (ReferenceEquals(segment, wanted) && index <= segment.Filled && (segment != _head || index >= _consumed))
            {
                return segment;
            }
        }

        throw new InvalidOperationException("The position does not belong to the bytes that were read last.");
    }
}
