using System.Buffers;
using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>
/// The fields of one message in one rented buffer (RFC 9110 section 5). Order and case of names are kept, lookup ignores
/// case. The buffer is rented from the pool with the first byte and returned by <see cref="Reset"/>, which whoever owns the
/// list calls when the message is done; an empty list holds nothing. Spans handed out are valid until the next change.
/// Not for several threads. The pool must be able to rent the limit of a head and its entries (about 40 KiB by default), and
/// what it rents must be arrays.
/// </summary>
public sealed class HeaderList(MemoryPool<byte> pool)
{
    /// <summary>One bit for each known field that was ever added: most questions about a head are answered by it.</summary>
    private ulong _seen;

    internal HeadPage Page { get; } = new(pool);

    /// <summary>Fields present, removed ones not counted.</summary>
    public int Count { get; private set; }

    /// <summary>Gives the buffer back and forgets every field.</summary>
    public void Reset()
    {
        Page.Reset();
        Count = 0;
        _seen = 0;
    }

    public Enumerator GetEnumerator() => new(this);

    public bool Contains(KnownHeader header) => IndexOf(header, 0) >= 0;

    /// <summary>How many field lines bear this name.</summary>
    public int CountOf(KnownHeader header)
    {
        var count = 0;
        for (var index = IndexOf(header, 0); index >= 0; index = IndexOf(header, index + 1))
        {
            count++;
        }

        return count;
    }

    /// <summary>The value of the first field of this name.</summary>
    public bool TryGet(KnownHeader header, out ReadOnlySpan<byte> value) => Found(IndexOf(header, 0), out value);

    /// <summary>The value of the first field of this name, in any case.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => Found(IndexOf(name, 0), out value);

    /// <summary>The members of a comma-separated list spread over all fields of this name (RFC 9110 section 5.6.1).</summary>
    public FieldMembers Members(KnownHeader header) => new(this, header);

    /// <summary>Removes every field of this name; says how many there were.</summary>
    public int Remove(KnownHeader header)
    {
        var removed = 0;
        for (var index = IndexOf(header, 0); index >= 0; index = IndexOf(header, index + 1))
        {
            RemoveAt(index);
            removed++;
        }

        return removed;
    }

    /// <summary>Removes every field whose name is in the set.</summary>
    public void RemoveAll(HeaderSet headers)
    {
        if (!headers.Overlaps(_seen))
        {
            return;
        }

        for (var index = 0; index < Page.EntryCount; index++)
        {
            if (headers.Contains(Page.Entry(index).Id))
            {
                RemoveAt(index);
            }
        }
    }

    /// <summary>Removes every field of this name, in any case; says how many there were.</summary>
    public int Remove(ReadOnlySpan<byte> name)
    {
        var removed = 0;
        for (var index = IndexOf(name, 0); index >= 0; index = IndexOf(name, index + 1))
        {
            RemoveAt(index);
            removed++;
        }

        return removed;
    }

    /// <summary>Removes the field at <see cref="HeaderField.Index"/>; a second time does nothing.</summary>
    public void RemoveAt(int index)
    {
        ref var entry = ref Page.Entry(index);
        if (!entry.Removed)
        {
            entry.Removed = true;
            Count--;
        }
    }

    /// <summary>Appends a field; both texts are copied and must not come from this list.</summary>
    /// <exception cref="ArgumentException">The name is no token, or the value has a control byte or outer whitespace.</exception>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        FieldLine.ValidateName(name);
        FieldLine.ValidateValue(value);
        AddEntry(Page.Append(name), Page.Append(value), KnownHeaders.Find(name));
    }

    /// <summary>Replaces every field of this name by one with the given value, which must not come from this list.</summary>
    /// <exception cref="ArgumentException">Unknown header, or a value with a control byte or outer whitespace.</exception>
    public void Set(KnownHeader header, ReadOnlySpan<byte> value)
    {
        FieldLine.ValidateName(KnownHeaders.NameOf(header));
        FieldLine.ValidateValue(value);
        SetValue(header, Page.Append(value));
    }

    /// <summary>Gives the field at <see cref="HeaderField.Index"/> another value, which must not come from this list.</summary>
    /// <exception cref="ArgumentException">The value has a control byte or outer whitespace.</exception>
    public void SetAt(int index, ReadOnlySpan<byte> value)
    {
        FieldLine.ValidateValue(value);
        PageSlice slice = Page.Append(value);
        Page.Entry(index).Value = slice;
    }

    /// <summary>
    /// Drops fields that a reader who cannot tell <c>_</c> from <c>-</c> would take for a field the edge answers for: who the
    /// visitor is, framing, the request id, an error of ours (docs/http.md, "Control fields").
    /// </summary>
    public int RemoveAliases()
    {
        var removed = 0;
        foreach (var field in this)
        {
            // A whole family has one number, and one of it can look like another (X-Forwarded-Tls_Client_Cert).
            if (field.Id is KnownHeader.Unknown or KnownHeader.OtherForwarding && HeaderSet.NotToImitate.Contains(KnownHeaders.FindAlias(field.Name)))
            {
                RemoveAt(field.Index);
                removed++;
            }
        }

        return removed;
    }

    internal void AddEntry(PageSlice name, PageSlice value, KnownHeader id)
    {
        Page.AddEntry(new FieldEntry { Name = name, Value = value, Id = id });
        Count++;
        _seen |= 1UL << (int)id;
    }

    /// <summary>Points the first field of this name at another value, removes the others, adds one if there was none.</summary>
    internal void SetValue(KnownHeader header, PageSlice value)
    {
        var first = IndexOf(header, 0);
        if (first < 0)
        {
            AddEntry(Page.Append(KnownHeaders.NameOf(header)), value, header);
            return;
        }

        Page.Entry(first).Value = value;
        for (var index = IndexOf(header, first + 1); index >= 0; index = IndexOf(header, index + 1))
        {
            RemoveAt(index);
        }
    }

    internal int IndexOf(KnownHeader header, int from, bool withRemoved = false)
    {
        if ((_seen & (1UL << (int)header)) == 0)
        {
            return -1;
        }

        for (var index = from; index < Page.EntryCount; index++)
        {
            ref var entry = ref Page.Entry(index);
            if (entry.Id == header && (withRemoved || !entry.Removed))
            {
                return index;
            }
        }

        return -1;
    }

    private int IndexOf(ReadOnlySpan<byte> name, int from)
    {
        for (var index = from; index < Page.EntryCount; index++)
        {
            ref var entry = ref Page.Entry(index);
            if (!entry.Removed && entry.Name.Length == name.Length && Ascii.EqualsIgnoreCase(Page[entry.Name], name))
            {
                return index;
            }
        }

        return -1;
    }

    private bool Found(int index, out ReadOnlySpan<byte> value)
    {
        value = index < 0 ? default : Page[Page.Entry(index).Value];
        return index >= 0;
    }

    /// <summary>Walks the fields that are present, in order. Removing during the walk is allowed.</summary>
    public ref struct Enumerator(HeaderList list)
    {
        private int _index = -1;

        public readonly HeaderField Current
        {
            get
            {
                ref var entry = ref list.Page.Entry(_index);
                return new HeaderField(list.Page[entry.Name], list.Page[entry.Value], entry.Id, _index);
            }
        }

        public bool MoveNext()
        {
            while (++_index < list.Page.EntryCount)
            {
                if (!list.Page.Entry(_index).Removed)
                {
                    return true;
                }
            }

            return false;
        }
    }
}
