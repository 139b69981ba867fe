using System.Runtime.InteropServices;
using Tunnel.Transport.Buffers;

namespace Tunnel.Transport.Sockets;

/// <summary>Filled blocks in sending order, the first of them perhaps sent in part. Not thread-safe.</summary>
internal struct SendChain
{
    private BufferSegment? _head;
    private BufferSegment? _tail;
    private int _sent;

    public readonly bool IsEmpty => _head is null;

    /// <summary>The first block; the chain still owns it.</summary>
    public readonly BufferSegment? Head => _head;

    public readonly bool IsSingle => _head is not null && _head.Next is null;

    /// <summary>The block that is being filled, last in the chain.</summary>
    public readonly BufferSegment? Last => _tail;

    /// <summary>What is left of the first block.</summary>
    public readonly ReadOnlySpan<byte> First => _head!.Memory.Span[_sent..];

    public void Add(BufferSegment segment)
    {
        if (_tail is null)
        {
            _head = segment;
        }
        else
        {
            _tail.Append(segment);
        }

        _tail = segment;
    }

    /// <summary>Moves everything of the other chain behind what is here.</summary>
    public void TakeFrom(ref SendChain other)
    {
        if (other._head is null)
        {
            return;
        }

        if (_tail is null)
        {
            this = other;
        }
        else
        {
            _tail.Append(other._head);
            _tail = other._tail;
        }

        other = default;
    }

    /// <summary>Lists the unsent rest of the first blocks.</summary>
    /// <exception cref="NotSupportedException">The pool's memory is not made of arrays.</exception>
    public readonly void CopyTo(List<ArraySegment<byte>> list, int most)
    {
        list.Clear();
        var skip = _sent;
        for (var segment = _head; segment is not null && list.Count < most; segment = segment.Following)
        {
            if (!MemoryMarshal.TryGetArray(segment.Memory[skip..], out var array))
            {
                throw new NotSupportedException("Sending needs a pool whose memory is made of arrays.");
            }

            skip = 0;
            if (array.Count > 0)
            {
                list.Add(array);
            }
        }
    }

    /// <summary>These bytes went out: blocks sent in full go back to the pool at once.</summary>
    public void Sent(int bytes)
    {
        _sent += bytes;
        while (_head is { } segment && _sent >= segment.Filled)
        {
            _sent -= segment.Filled;
            _head = segment.Following;
            segment.Release();
        }

        if (_head is null)
        {
            _tail = null;
            _sent = 0;
        }
    }

    public void Clear()
    {
        while (_head is { } segment)
        {
            _head = segment.Following;
            segment.Release();
        }

        _tail = null;
        _sent = 0;
    }
}
