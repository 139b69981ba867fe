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
    private Memory<byte> _memory;
    private int _used;

    public int EntryCount { get; private set; }

    public int UsedBytes => _used + (EntryCount * EntrySize);

    public ReadOnlySpan<byte> this[PageSlice slice] => _memory.Span.Slice(slice.Start, slice.Length);

    /// <summary>Copies bytes in. They must not come from this page, which may move: see <see cref="AppendCopy"/>.</summary>
    public PageSlice Append(ReadOnlySpan<byte> bytes)
    {
        EnsureRoom(bytes.Length);
        bytes.CopyTo(_memory.Span[_used..]);
        return Take(bytes.Length);
    }

    public PageSlice AppendCopy(PageSlice source)
    {
        EnsureRoom(source.Length);
        var span = _memory.Span;
        span.Slice(source.Start, source.Length).CopyTo(span[_used..]);
        return Take(source.Length);
    }

    public PageSlice AppendLowered(PageSlice source)
    {
        var copy = AppendCopy(source);
        foreach (ref var octet in _memory.Span.Slice(copy.Start, copy.Length))
        {
            if (octet is >= (byte)'A' and <= (byte)'Z')
            {
                octet |= 0x20;
            }
        }

        return copy;
    }

    public void AddEntry(in FieldEntry entry)
    {
        EnsureRoom(EntrySize);
        EntryCount++;
        SetEntry(EntryCount - 1, entry);
    }

    public FieldEntry Entry(int index) => MemoryMarshal.Read<FieldEntry>(EntryBytes(index));

    public void SetEntry(int index, in FieldEntry entry) => MemoryMarshal.Write(EntryBytes(index), entry);

    /// <summary>Gives the buffer back; every slice and entry is void from here on.</summary>
    public void Reset()
    {
        _owner?.Dispose();
        _owner = null;
        _memory = default;
        _used = 0;
        EntryCount = 0;
    }

    private Span<byte> EntryBytes(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)EntryCount);
        return _memory.Span.Slice(_memory.Length - ((index + 1) * EntrySize), EntrySize);
    }

    private PageSlice Take(int length)
    {
        var slice = new PageSlice(_used, length);
        _used += length;
        return slice;
    }

    private void EnsureRoom(int bytes)
    {
        var entries = EntryCount * EntrySize;
        if (_memory.Length - _used - entries >= bytes)
        {
            return;
        }

        var size = Math.Max(_used + entries + bytes, _owner is null ? FirstRent : _memory.Length * 2);
        var larger = pool.Rent(size);
        var target = larger.Memory;
        _memory.Span[.._used].CopyTo(target.Span);
        _memory.Span[(_memory.Length - entries)..].CopyTo(target.Span[(target.Length - entries)..]);
        _owner?.Dispose();
        _owner = larger;
        _memory = target;
    }
}
