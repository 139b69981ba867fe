using Tunnel.Http.Heads;

namespace Tunnel.Http.Bodies;

/// <summary>
/// The line <c>chunk-size [chunk-ext] CRLF</c> (RFC 9112 section 7.1), read byte by byte: the size is kept, extensions are
/// checked against their grammar and dropped. Leading zeros are accepted (hexadecimal has one reading), up to 16 digits, and
/// so are blanks before the line end: some servers pad the line to a fixed width.
/// </summary>
internal struct ChunkSizeLine
{
    private const int MostDigits = 16;

    private State _state;
    private int _digits;

    private enum State
    {
        Size,
        AfterSpace,
        NameStart,
        Name,
        AfterName,
        ValueStart,
        Value,
        Quoted,
        QuotedPair,
        AfterQuoted,
        LineFeed,
        Done,
    }

    /// <summary>Content bytes in the chunk; 0 ends the body.</summary>
    public long Size { get; private set; }

    /// <summary>Bytes of the line so far.</summary>
    public int Length { get; private set; }

    public readonly bool IsDone => _state == State.Done;

    /// <summary>Takes the next byte of the line.</summary>
    public RejectReason Take(byte octet, int maxLength)
    {
        if (++Length > maxLength)
        {
            return RejectReason.ChunkLineTooLong;
        }

        if (_state == State.LineFeed)
        {
            _state = State.Done;
            return octet == Octets.Lf ? RejectReason.None : RejectReason.BareCarriageReturn;
        }

        if (octet is Octets.Lf or 0)
        {
            return octet == 0 ? RejectReason.NulByte : RejectReason.BareLineFeed;
        }

        return _state == State.Size ? TakeSize(octet) : TakeExtension(octet);
    }

    private RejectReason TakeSize(byte octet)
    {
        if (char.IsAsciiHexDigit((char)octet))
        {
            return TakeDigit(octet);
        }

        if (_digits == 0)
        {
            return RejectReason.ChunkSizeInvalid;
        }

        switch (octet)
        {
            case Octets.Cr:
                _state = State.LineFeed;
                return RejectReason.None;
            case (byte)';':
                _state = State.NameStart;
                return RejectReason.None;
            case (byte)' ' or (byte)'\t':
                _state = State.AfterSpace;
                return RejectReason.None;
            default:
                return RejectReason.ChunkSizeInvalid;
        }
    }

    private RejectReason TakeDigit(byte octet)
    {
        // 2^59 - 1 still has room for four more bits below 2^63.
        if (++_digits > MostDigits || Size > long.MaxValue >> 4)
        {
            return RejectReason.ChunkSizeTooLarge;
        }

        var digit = char.IsAsciiDigit((char)octet) ? octet - '0' : (octet | 0x20) - 'a' + 10;
        Size = (Size << 4) | (uint)digit;
        return RejectReason.None;
    }

    /// <summary><c>*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )</c> (section 7.1.1).</summary>
    private RejectReason TakeExtension(byte octet)
    {
        var next = _state switch
        {
            State.AfterSpace => Octets.IsBlank(octet) ? State.AfterSpace : AfterMember(octet),
            State.NameStart => Octets.IsBlank(octet) ? State.NameStart : IsToken(octet) ? State.Name : default,
            State.Name => octet switch
            {
                (byte)'=' => State.ValueStart,
                (byte)' ' or (byte)'\t' => State.AfterName,
                _ => IsToken(octet) ? State.Name : AfterMember(octet),
            },
            State.AfterName => octet switch
            {
                (byte)'=' => State.ValueStart,
                _ => Octets.IsBlank(octet) ? State.AfterName : AfterMember(octet),
            },
            State.ValueStart => octet == '"' ? State.Quoted
                : Octets.IsBlank(octet) ? State.ValueStart
                : IsToken(octet) ? State.Value
                : default,
            State.Value => IsToken(octet) ? State.Value : AfterMember(octet),
            State.Quoted => octet switch
            {
                (byte)'"' => State.AfterQuoted,
                (byte)'\\' => State.QuotedPair,
                _ => IsText(octet) ? State.Quoted : default,
            },
            State.QuotedPair => IsText(octet) ? State.Quoted : default,
            State.AfterQuoted => AfterMember(octet),
            _ => default,
        };

        // Nothing leads back to Size, which therefore stands for "not in the grammar".
        _state = next;
        return next != State.Size ? RejectReason.None : RejectReason.ChunkExtensionInvalid;
    }

    private static State AfterMember(byte octet) => octet switch
    {
        Octets.Cr => State.LineFeed,
        (byte)';' => State.NameStart,
        (byte)' ' or (byte)'\t' => State.AfterSpace,
        _ => default,
    };

    private static bool IsToken(byte octet) => Octets.Token.Contains(octet);

    private static bool IsText(byte octet) => !Octets.NotInValue.Contains(octet);
}
