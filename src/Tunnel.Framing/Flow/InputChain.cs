using System.Buffers;

namespace Tunnel.Framing.Flow;

/// <summary>
/// The received bytes of one stream that its user has not taken yet, in a chain of blocks. Holds no block while there are
/// none. Its owner's lock guards it, but for the glance.
/// </summary>
internal struct InputChain
{
    private const int LeastBlock = 4 * 1024;

    private InputBlock? _first;
    private InputBlock? _last;

    // Of the first block.
    private int _taken;
    private int _length;

    /// <summary>Bytes here.</summary>
    public readonly int Length => _length;

    /// <summary>All of them; good until some are taken.</summary>
    public readonly ReadOnlySequence<byte> Sequence => _first is null
        ? ReadOnlySequence<byte>.Empty
        : new ReadOnlySequence<byte>(_first, _taken, _last!, _last!.Written);

    /// <summary><see cref="Length"/>, perhaps of a moment ago; without the lock.</summary>
    public int GlanceAtLength() => Volatile.Read(ref _length);

    /// <summary>Copies these behind what is here.</summary>
    public void Append(in ReadOnlySequence<byte> bytes, InputBlockPool pool)
    {
        _length += (int)bytes.Length;
        foreach (ReadOnlyMemory<byte> segment in bytes)
        {
            for (ReadOnlySpan<byte> left = segment.Span; !left.IsEmpty;)
            {
                if (_last is null || _last.Free == 0)
                {
                    InputBlock block = pool.Rent(Math.Max(left.Length, LeastBlock));
                    _last?.Follow(block);
                    _first ??= block;
                    _last = block;
                }

                left = left[_last.Fill(left)..];
            }
        }
    }

    /// <summary>How many bytes from here to there; 0 or less for a position that is not ahead.</summary>
    public readonly int Offset(SequencePosition position) =>
        _first is { } first && position.GetObject() is InputBlock block
            ? (int)(block.RunningIndex + position.GetInteger() - first.RunningIndex - _taken)
            : 0;

    /// <summary>Takes so many bytes off the front. Returns the blocks that are free by this, as a chain.</summary>
    public InputBlock? Take(int bytes)
    {
        _length -= bytes;
        _taken += bytes;
        InputBlock? free = null;
        while (_first is { } block && _taken >= block.Written)
        {
            _taken -= block.Written;
            _first = block.Following;
            block.Unlink(free);
            free = block;
        }

        _last = _first is null ? null : _last;
        return free;
    }

    /// <summary>Takes everything. Returns the blocks as a chain.</summary>
    public InputBlock? TakeAll()
    {
        InputBlock? free = _first;
        this = default;
        return free;
    }
}
