namespace Tunnel.Http.Heads;

/// <summary>One field line, <c>name ":" OWS value OWS</c> (RFC 9112 section 5), read and written.</summary>
internal static class FieldLine
{
    /// <summary>Judges a line (without its CRLF) that lies in the list's page, and adds it to the list.</summary>
    /// <param name="list">Where the field goes.</param>
    /// <param name="line">The line; not empty.</param>
    /// <param name="maxFields">The field beyond which the message is refused.</param>
    /// <param name="first">Whether no field line came before, which gives leading whitespace another name.</param>
    public static RejectReason Read(HeaderList list, PageSlice line, int maxFields, bool first)
    {
        var text = list.Page[line];
        if (Octets.IsBlank(text[0]))
        {
            return first ? RejectReason.WhitespaceBeforeFields : RejectReason.ObsoleteLineFolding;
        }

        // The first byte that no name has is the colon, or the line is wrong.
        var colon = text.IndexOfAnyExcept(Octets.Token);
        if (colon <= 0 || text[colon] != ':')
        {
            return JudgeName(text);
        }

        var name = text[..colon];
        var start = colon + 1;
        while (start < text.Length && Octets.IsBlank(text[start]))
        {
            start++;
        }

        var value = Octets.Trim(text[start..]);
        if (value.ContainsAny(Octets.NotInValue))
        {
            return Octets.Diagnose(value, RejectReason.InvalidFieldValue);
        }

        if (list.Page.EntryCount >= maxFields)
        {
            return RejectReason.TooManyFields;
        }

        list.AddEntry(
            new PageSlice(line.Start, colon), new PageSlice(line.Start + start, value.Length), KnownHeaders.Find(name));
        return RejectReason.None;
    }

    /// <summary>Whether the field lies in the page as it would be written: one space behind the colon, CRLF behind the value.</summary>
    public static bool IsCanonical(HeadPage page, in FieldEntry field) =>
        field.Value.Start == field.Name.End + 2
        && field.Value.End + 2 <= page.Length
        && page[new PageSlice(field.Name.End, 2)].SequenceEqual(": "u8)
        && page[new PageSlice(field.Value.End, 2)].SequenceEqual("\r\n"u8);

    /// <exception cref="ArgumentException">The name is empty or no token.</exception>
    public static void ValidateName(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty || name.ContainsAnyExcept(Octets.Token))
        {
            throw new ArgumentException("A field name must be a token (RFC 9110 section 5.1).", nameof(name));
        }
    }

    /// <exception cref="ArgumentException">The value has a control byte, or whitespace at an end.</exception>
    public static void ValidateValue(ReadOnlySpan<byte> value)
    {
        if (!IsValue(value) || Octets.Trim(value).Length != value.Length)
        {
            throw new ArgumentException(
                "A field value must not contain control bytes or outer whitespace (RFC 9110 section 5.5).", nameof(value));
        }
    }

    public static bool IsValue(ReadOnlySpan<byte> value) => !value.ContainsAny(Octets.NotInValue);

    // Says what is wrong with a line that does not begin with a token and a colon.
    private static RejectReason JudgeName(ReadOnlySpan<byte> text)
    {
        var colon = text.IndexOf((byte)':');
        if (colon <= 0)
        {
            return colon == 0 ? RejectReason.EmptyFieldName : Octets.Diagnose(text, RejectReason.MissingColon);
        }

        return Octets.IsBlank(text[colon - 1])
            ? RejectReason.WhitespaceBeforeColon
            : Octets.Diagnose(text[..colon], RejectReason.InvalidFieldName);
    }
}
