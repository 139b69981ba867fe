namespace Tunnel.Http.Heads;

/// <summary>Reading request lines and status lines (RFC 9112 sections 3 and 4).</summary>
internal static class StartLine
{
    private const int VersionLength = 8;

    /// <summary>Reads <c>method SP request-target SP HTTP-version</c> into the head.</summary>
    public static RejectReason ReadRequest(RequestHead head, PageSlice line)
    {
        var text = head.Headers.Page[line];
        var reason = SplitRequest(head, line, text);

        // The page may have moved under the first span.
        return reason == RejectReason.None ? reason : Octets.Diagnose(head.Headers.Page[line], reason);
    }

    /// <summary>Reads <c>HTTP-version SP status-code [SP reason-phrase]</c>; the last space may go with the reason.</summary>
    public static RejectReason ReadStatus(ResponseHead head, PageSlice line)
    {
        var text = head.Headers.Page[line];
        var reason = SplitStatus(head, line, text);
        return reason == RejectReason.None ? reason : Octets.Diagnose(text, reason);
    }

    private static RejectReason SplitRequest(RequestHead head, PageSlice line, ReadOnlySpan<byte> text)
    {
        if (text.SequenceEqual("PRI * HTTP/2.0"u8))
        {
            return RejectReason.Http2PriorKnowledge;
        }

        var first = text.IndexOf((byte)' ');
        var last = text.LastIndexOf((byte)' ');
        if (first <= 0 || last == text.Length - 1)
        {
            return RejectReason.MalformedRequestLine;
        }

        if (first == last)
        {
            return RejectReason.MissingVersion;
        }

        if (text[(first + 1)..last] is var target && (target.IsEmpty || target.Contains((byte)' ')))
        {
            return RejectReason.MalformedRequestLine;
        }

        var reason = RequestMethods.Recognise(text[..first], out var method);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        reason = ReadVersion(text[(last + 1)..], out var version);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        head.Method = method;
        head.Version = version;
        head.MethodSlice = new PageSlice(line.Start, first);
        head.RawTargetSlice = new PageSlice(line.Start + first + 1, target.Length);
        return RequestTarget.Read(head);
    }

    private static RejectReason SplitStatus(ResponseHead head, PageSlice line, ReadOnlySpan<byte> text)
    {
        const int StatusEnd = VersionLength + 4;
        if (text.Length < StatusEnd || text[VersionLength] != ' ' || (text.Length > StatusEnd && text[StatusEnd] != ' '))
        {
            return RejectReason.MalformedStatusLine;
        }

        var reason = ReadVersion(text[..VersionLength], out var version);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        var status = 0;
        foreach (var digit in text[(VersionLength + 1)..StatusEnd])
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return RejectReason.InvalidStatusCode;
            }

            status = (status * 10) + (digit - '0');
        }

        if (status < 100)
        {
            return RejectReason.InvalidStatusCode;
        }

        var phrase = text.Length > StatusEnd ? text[(StatusEnd + 1)..] : default;
        if (!FieldLine.IsValue(phrase))
        {
            return RejectReason.InvalidReasonPhrase;
        }

        head.Version = version;
        head.Status = status;
        head.ReasonSlice = new PageSlice(line.End - phrase.Length, phrase.Length);
        return RejectReason.None;
    }

    /// <summary><c>"HTTP/" DIGIT "." DIGIT</c>, case-sensitive; of those, 1.0 and 1.1 are spoken.</summary>
    private static RejectReason ReadVersion(ReadOnlySpan<byte> text, out ProtocolVersion version)
    {
        version = ProtocolVersion.Http11;
        if (text.SequenceEqual("HTTP/1.1"u8))
        {
            return RejectReason.None;
        }

        if (text.SequenceEqual("HTTP/1.0"u8))
        {
            version = ProtocolVersion.Http10;
            return RejectReason.None;
        }

        return text.Length == VersionLength && text.StartsWith("HTTP/"u8) && text[6] == '.'
            && char.IsAsciiDigit((char)text[5]) && char.IsAsciiDigit((char)text[7])
            ? RejectReason.UnsupportedVersion
            : RejectReason.MalformedVersion;
    }
}
