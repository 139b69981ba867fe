using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>
/// Writes one head from the model, always as HTTP/1.1: start line, fields, framing, the caller's own fields, empty line.
/// Every part is valid by construction, either because it was judged when read or because it is validated here; so nothing
/// can smuggle a line end in. Nothing is handed to the output before its buffer is full or <see cref="End"/> is called.
/// Content-Length and Transfer-Encoding are written by <see cref="Framing"/> and by nothing else.
/// </summary>
public ref struct HeadWriter(IBufferWriter<byte> output)
{
    private Span<byte> _span;
    private int _used;

    /// <summary>The request line, with <see cref="RequestHead.Target"/>.</summary>
    public void RequestLine(RequestHead head)
    {
        Put(head.MethodName);
        Put(" "u8);
        Put(head.Target);
        Put(" HTTP/1.1\r\n"u8);
    }

    /// <summary>The status line of a response that was read.</summary>
    public void StatusLine(ResponseHead head) => PutStatus(head.Status, head.ReasonPhrase);

    /// <summary>The status line of a response of our own.</summary>
    public void StatusLine(int status)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(status, 100);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(status, 599);
        PutStatus(status, ReasonPhrases.For(status));
    }

    /// <summary>The fields that are present in the list, in order, except Content-Length and Transfer-Encoding.</summary>
    /// <param name="except">More that are left out.</param>
    /// <param name="exceptNames">The same, of fields whose names are not known to us.</param>
    public void Fields(HeaderList headers, HeaderSet except = default, ReadOnlySpan<byte[]> exceptNames = default)
    {
        var page = headers.Page;
        var run = default(PageSlice);
        for (var index = 0; index < page.EntryCount; index++)
        {
            ref var entry = ref page.Entry(index);
            if (entry.Removed || entry.Id is KnownHeader.ContentLength or KnownHeader.TransferEncoding || except.Contains(entry.Id)
                || (!exceptNames.IsEmpty && entry.Id == KnownHeader.Unknown && IsAmong(page[entry.Name], exceptNames)))
            {
                continue;
            }

            if (!FieldLine.IsCanonical(page, entry))
            {
                Put(page[run]);
                run = default;
                Put(page[entry.Name]);
                Put(": "u8);
                Put(page[entry.Value]);
                Put("\r\n"u8);
                continue;
            }

            // Lines that were read one behind the other go out as one piece.
            var line = new PageSlice(entry.Name.Start, entry.Value.End + 2 - entry.Name.Start);
            if (run.End != line.Start)
            {
                Put(page[run]);
                run = line;
            }
            else
            {
                run = new PageSlice(run.Start, run.Length + line.Length);
            }
        }

        Put(page[run]);
    }

    private static bool IsAmong(ReadOnlySpan<byte> name, ReadOnlySpan<byte[]> names)
    {
        foreach (byte[] one in names)
        {
            if (Ascii.EqualsIgnoreCase(name, one))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Content-Length, Transfer-Encoding, or neither, as the framing of what is sent asks.</summary>
    public void Framing(in BodyFraming framing)
    {
        if (framing.Kind == BodyKind.Chunked)
        {
            Put("Transfer-Encoding: chunked\r\n"u8);
        }
        else if (framing.Length is { } length)
        {
            Put("Content-Length: "u8);
            PutNumber(length);
            Put("\r\n"u8);
        }
    }

    /// <summary>An upgrade offer or confirmation: <c>Connection: Upgrade</c> and the protocols. Nothing when empty.</summary>
    /// <param name="protocols">The <c>Upgrade</c> of a head that was read.</param>
    /// <exception cref="ArgumentException">The value has a control byte or outer whitespace.</exception>
    public void Upgrade(ReadOnlySpan<byte> protocols)
    {
        if (!protocols.IsEmpty)
        {
            Field(KnownHeader.Connection, "Upgrade"u8);
            Field(KnownHeader.Upgrade, protocols);
        }
    }

    /// <exception cref="ArgumentException">Unknown or a framing field, or a value with a control byte or outer whitespace.</exception>
    public void Field(KnownHeader header, ReadOnlySpan<byte> value)
    {
        FieldLine.ValidateValue(value);
        StartField(header);
        Put(value);
        EndField();
    }

    public void Field(KnownHeader header, long value)
    {
        StartField(header);
        Value(value);
        EndField();
    }

    /// <exception cref="ArgumentException">The name is no token, or the value has a control byte or outer whitespace.</exception>
    public void Field(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        FieldLine.ValidateValue(value);
        StartField(name);
        Put(value);
        EndField();
    }

    /// <inheritdoc cref="StartField(ReadOnlySpan{byte})"/>
    /// <exception cref="ArgumentException">An unknown header, or one that only <see cref="Framing"/> writes.</exception>
    public void StartField(KnownHeader header)
    {
        if (header is KnownHeader.Unknown or KnownHeader.ContentLength or KnownHeader.TransferEncoding)
        {
            throw new ArgumentException("Framing fields are written from the framing, unknown ones by their names.", nameof(header));
        }

        Put(KnownHeaders.NameOf(header));
        Put(": "u8);
    }

    /// <summary>Begins a field whose value comes in several parts; <see cref="EndField"/> ends it.</summary>
    /// <exception cref="ArgumentException">The name is no token, or one that only <see cref="Framing"/> writes.</exception>
    public void StartField(ReadOnlySpan<byte> name)
    {
        FieldLine.ValidateName(name);
        if (KnownHeaders.Find(name) is KnownHeader.ContentLength or KnownHeader.TransferEncoding)
        {
            throw new ArgumentException("Framing fields are written from the framing.", nameof(name));
        }

        Put(name);
        Put(": "u8);
    }

    /// <summary>A part of a value.</summary>
    /// <exception cref="ArgumentException">The part has a control byte.</exception>
    public void Value(ReadOnlySpan<byte> part)
    {
        if (!FieldLine.IsValue(part))
        {
            throw new ArgumentException("A field value must not contain control bytes (RFC 9110 section 5.5).", nameof(part));
        }

        Put(part);
    }

    /// <summary>A decimal number as part of a value.</summary>
    public void Value(long part) => PutNumber(part);

    public void EndField() => Put("\r\n"u8);

    /// <summary>The empty line; hands everything to the output. The writer is done.</summary>
    public void End()
    {
        Put("\r\n"u8);
        Commit();
        _span = default;
    }

    private void PutStatus(int status, ReadOnlySpan<byte> phrase)
    {
        Put("HTTP/1.1 "u8);
        PutNumber(status);
        Put(" "u8);
        Put(phrase);
        Put("\r\n"u8);
    }

    private void PutNumber(long number)
    {
        const int MostDigits = 20;
        Span<byte> digits = stackalloc byte[MostDigits];
        Utf8Formatter.TryFormat(number, digits, out var length);
        Put(digits[..length]);
    }

    private void Put(scoped ReadOnlySpan<byte> bytes)
    {
        while (!bytes.TryCopyTo(_span[_used..]))
        {
            var fits = Math.Min(bytes.Length, _span.Length - _used);
            bytes[..fits].CopyTo(_span[_used..]);
            _used += fits;
            bytes = bytes[fits..];
            Commit();
            _span = output.GetSpan();
        }

        _used += bytes.Length;
    }

    private void Commit()
    {
        if (_used > 0)
        {
            output.Advance(_used);
            _used = 0;
        }
    }
}
