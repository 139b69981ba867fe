using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tunnel.Http.Heads;

/// <summary>A place in a <see cref="HeadPage"/>, in bytes from its start; stays right when the page moves.</summary>
internal readonly record struct PageSlice(int Start, int Length)
{
    public int End => Start + Length;
}

/// <summary>One field of a head: where its name and value lie, and what is known of it.</summary>
internal struct FieldEntry
{
    public PageSlice Name;
    public PageSlice Value;
    public KnownHeader Id;
    public bool Removed;
}

/// <summary>
/// The one rented buffer of a head: its bytes grow from the front, its field entries from the back. It is rented with the
/// first byte and given back by <see cref="Reset"/>; in between it may move to a larger one, so places are offsets.
/// </summary>
internal sealed class HeadPage(MemoryPool<byte> pool)
{
    private const int FirstRent = 4096;

    private static readonly int EntrySize = Unsafe.SizeOf<FieldEntry>();

    private IMemoryOwner<byte>? _owner;

    // What the owner's memory is: an array, from the start of a piece to its end.
    private byte[] _bytes = [];
    private int _start;
    private int _end;
    private int _used;

    public int EntryCount { get; private set; }

    /// <summary>Bytes put in, entries not counted.</summary>
    public int Length => _used;

    public int UsedBytes => _used + (EntryCount * EntrySize);

    public ReadOnlySpan<byte> this[PageSlice slice] => _bytes.AsSpan(_start + slice.Start, slice.Length);

    /// <summary>Copies bytes in. They must not come from this page, which may move: see <see cref="AppendCopy"/>.</summary>
    public PageSlice Append(ReadOnlySpan<byte> bytes)
    {
        EnsureRoom(bytes.Length);
        bytes.CopyTo(_bytes.AsSpan(_start + _used));
        return Take(bytes.Length);
    }

    public PageSlice AppendCopy(PageSlice source)
    {
        EnsureRoom(source.Length);
        this[source].CopyTo(_bytes.AsSpan(_start + _used));
        return Take(source.Length);
    }

    public PageSlice AppendLowered(PageSlice source)
    {
        var copy = AppendCopy(source);
        foreach (ref var octet in _bytes.AsSpan(_start + copy.Start, copy.Length))
        {
            if (octet is >= (byte)'A' and <= (byte)'Z')
            {
                octet |= 0x20;
            }
        }

        return copy;
    }

    /// <summary>A copy in which every byte from 0x80 is escaped (RFC 3986 section 2.1).</summary>
    public PageSlice AppendEscaped(PageSlice source)
    {
        const int Escape = 3;
        var plain = 0;
        foreach (var octet in this[source])
        {
            plain += octet < 0x80 ? 1 : 0;
        }

        EnsureRoom(plain + ((source.Length - plain) * Escape));
        var start = _used;
        var target = _bytes.AsSpan(_start);
        foreach (var octet in this[source])
        {
            if (octet < 0x80)
            {
                target[_used++] = octet;
                continue;
            }

            target[_used++] = (byte)'%';
            target[_used++] = (byte)HexUpper(octet >> 4);
            target[_used++] = (byte)HexUpper(octet & 0xF);
        }

        return new PageSlice(start, _used - start);
    }

    public void AddEntry(in FieldEntry entry)
    {
        EnsureRoom(EntrySize);
        EntryCount++;
        Entry(EntryCount - 1) = entry;
    }

    /// <summary>The entry where it lies: good until the page moves, which anything that is added may cause.</summary>
    public ref FieldEntry Entry(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)EntryCount);
        return ref MemoryMarshal.AsRef<FieldEntry>(_bytes.AsSpan(_end - ((index + 1) * EntrySize), EntrySize));
    }

    /// <summary>Gives the buffer back; every slice and entry is void from here on.</summary>
    public void Reset()
    {
        _owner?.Dispose();
        _owner = null;
        _bytes = [];
        _start = 0;
        _end = 0;
        _used = 0;
        EntryCount = 0;
    }

    private static char HexUpper(int digit) => "0123456789ABCDEF"[digit];

    private PageSlice Take(int length)
    {
        var slice = new PageSlice(_used, length);
        _used += length;
        return slice;
    }

    private void EnsureRoom(int bytes)
    {
        if (_end - _start - _used - (EntryCount * EntrySize) < bytes)
        {
            Move(bytes);
        }
    }

    private void Move(int bytes)
    {
        var room = _end - _start;
        var entries = EntryCount * EntrySize;
        var larger = pool.Rent(Math.Max(_used + entries + bytes, _owner is null ? FirstRent : room * 2));
        if (!MemoryMarshal.TryGetArray<byte>(larger.Memory, out var array))
        {
            larger.Dispose();
            throw new NotSupportedException("Heads are read into memory that is an array.");
        }

        var target = array.AsSpan();
        _bytes.AsSpan(_start, _used).CopyTo(target);
        _bytes.AsSpan(_end - entries, entries).CopyTo(target[^entries..]);
        _owner?.Dispose();
        _owner = larger;
        _bytes = array.Array!;
        _start = array.Offset;
        _end = array.Offset + array.Count;
    }
}
