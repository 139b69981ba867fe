namespace Tunnel.Http.Heads;

/// <summary>
/// Walks the members of a comma-separated list over all fields of one name, without whitespace around them and without
/// empty ones (RFC 9110 section 5.6.1). For lists of tokens: a comma inside a quoted string splits as well.
/// </summary>
public ref struct FieldMembers
{
    private readonly HeaderList _list;
    private readonly KnownHeader _header;
    private readonly bool _withRemoved;
    private int _index = -1;
    private int _next;
    private int _end = -1;

    internal FieldMembers(HeaderList list, KnownHeader header, bool withRemoved = false)
    {
        _withRemoved = withRemoved;
        _list = list;
        _header = header;
    }

    /// <summary>The member; valid until the list changes.</summary>
    public readonly ReadOnlySpan<byte> Current => _list.Page[CurrentSlice];

    internal PageSlice CurrentSlice { get; private set; }

    public readonly FieldMembers GetEnumerator() => this;

    public bool MoveNext()
    {
        while (true)
        {
            if (_next > _end)
            {
                _index = _list.IndexOf(_header, _index + 1, _withRemoved);
                if (_index < 0)
                {
                    return false;
                }

                var value = _list.Page.Entry(_index).Value;
                _next = value.Start;
                _end = value.End;
            }

            var rest = _list.Page[new PageSlice(_next, _end - _next)];
            var comma = rest.IndexOf((byte)',');
            var member = comma < 0 ? rest : rest[..comma];
            var start = _next;
            while (!member.IsEmpty && Octets.IsBlank(member[0]))
            {
                member = member[1..];
                start++;
            }

            // One past the comma; past the end when there was none, which ends this field.
            _next += comma < 0 ? rest.Length + 1 : comma + 1;
            CurrentSlice = new PageSlice(start, Octets.Trim(member).Length);
            if (CurrentSlice.Length > 0)
            {
                return true;
            }
        }
    }
}
