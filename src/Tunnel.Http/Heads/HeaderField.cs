namespace Tunnel.Http.Heads;

/// <summary>One field as it stands in a <see cref="HeaderList"/>; valid until that list changes or is reset.</summary>
public readonly ref struct HeaderField
{
    internal HeaderField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, KnownHeader id, int index)
    {
        Name = name;
        Value = value;
        Id = id;
        Index = index;
    }

    /// <summary>The name in the case it arrived in.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>Without whitespace around it; may hold tabs, spaces and bytes from 0x80 up, no other controls.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>What the name is known as.</summary>
    public KnownHeader Id { get; }

    /// <summary>The field's place for <see cref="HeaderList.RemoveAt"/>; removing others does not shift it.</summary>
    public int Index { get; }
}
