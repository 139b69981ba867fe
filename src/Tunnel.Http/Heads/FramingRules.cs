using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>
/// The one place that decides how a message is delimited (RFC 9112 sections 6.1 to 6.3). Every conflict is refused; none is
/// resolved by preferring one field, because somebody else on the way may prefer the other.
/// </summary>
internal static class FramingRules
{
    public static RejectReason ForRequest(
        HeaderList headers, ProtocolVersion version, RequestMethod method, out BodyFraming framing)
    {
        var reason = ReadFields(headers, version, mayRepeat: false, out framing, out _);
        if (reason == RejectReason.None && method == RequestMethod.Trace && framing.HasContent)
        {
            reason = RejectReason.ContentInTrace;
        }

        return reason;
    }

    /// <param name="mayPersist">
    /// The sender has framed the message as it should. One that has not is understood, and not asked anything more on the same
    /// connection: what it takes for the end of this message may be elsewhere.
    /// </param>
    public static RejectReason ForResponse(
        HeaderList headers,
        ProtocolVersion version,
        int status,
        RequestMethod requestMethod,
        out BodyFraming framing,
        out bool mayPersist)
    {
        if (requestMethod == RequestMethod.Connect && status is >= 200 and <= 299)
        {
            // What follows is the tunnel, whatever these fields say (RFC 9110 section 9.3.6), and no other answer.
            framing = BodyFraming.None;
            mayPersist = false;
            return RejectReason.None;
        }

        var reason = ReadFields(headers, version, mayRepeat: true, out framing, out mayPersist);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        if (status == 204)
        {
            // Neither field may be sent here (sections 6.1 and RFC 9110 section 8.6), and some servers do; a 204 ends with its
            // head whatever it says (section 6.3).
            mayPersist &= !framing.HasContent;
            framing = BodyFraming.None;
        }
        else if (status < 200)
        {
            // Nor here, and another head follows. A length of zero says nothing wrong; it is dropped.
            reason = framing.Kind == BodyKind.Chunked ? RejectReason.TransferEncodingForbidden
                : framing.Length > 0 ? RejectReason.ContentLengthForbidden
                : RejectReason.None;
            framing = BodyFraming.None;
        }
        else if (requestMethod == RequestMethod.Head || status == 304)
        {
            // Both fields describe the body another request would have got.
            framing = BodyFraming.Announced(framing.Length);
        }
        else if (framing.Kind == BodyKind.None)
        {
            framing = BodyFraming.UntilClose;
        }

        return reason;
    }

    /// <summary>What the two fields say together, no matter in which message they stand.</summary>
    /// <param name="mayRepeat">
    /// Several Content-Length values that are equal count as the one they are (RFC 9110 section 8.6). Not in requests: no
    /// client sends such a thing but to find out who reads which.
    /// </param>
    private static RejectReason ReadFields(
        HeaderList headers, ProtocolVersion version, bool mayRepeat, out BodyFraming framing, out bool isTidy)
    {
        framing = BodyFraming.None;
        isTidy = true;
        if (headers.TryGet(KnownHeader.TransferEncoding, out var coding))
        {
            framing = BodyFraming.Chunked;
            return version == ProtocolVersion.Http10 ? RejectReason.TransferEncodingInHttp10
                : headers.Contains(KnownHeader.ContentLength) ? RejectReason.TransferEncodingWithContentLength
                : headers.CountOf(KnownHeader.TransferEncoding) > 1 ? RejectReason.TransferEncodingRepeated
                : JudgeCoding(coding);
        }

        if (!headers.TryGet(KnownHeader.ContentLength, out var text))
        {
            return RejectReason.None;
        }

        if (mayRepeat)
        {
            isTidy = !SeveralAreOne(headers, ref text);
        }

        if (isTidy && headers.CountOf(KnownHeader.ContentLength) > 1)
        {
            return RejectReason.ContentLengthRepeated;
        }

        var verdict = DecimalNumber.Read(text, out var length);
        framing = BodyFraming.OfLength(length);
        return verdict switch
        {
            NumberVerdict.Fine => RejectReason.None,
            NumberVerdict.TooLarge => RejectReason.ContentLengthTooLarge,
            _ => RejectReason.ContentLengthInvalid,
        };
    }

    /// <summary>Whether there are several values, in one field or more, and all are the same; that one replaces the text.</summary>
    private static bool SeveralAreOne(HeaderList headers, ref ReadOnlySpan<byte> text)
    {
        if (headers.CountOf(KnownHeader.ContentLength) == 1 && !text.Contains((byte)','))
        {
            return false;
        }

        ReadOnlySpan<byte> first = default;
        for (var index = headers.IndexOf(KnownHeader.ContentLength, 0); index >= 0; index = headers.IndexOf(KnownHeader.ContentLength, index + 1))
        {
            var value = headers.Page[headers.Page.Entry(index).Value];
            foreach (var range in value.Split((byte)','))
            {
                var member = Octets.Trim(value[range]);
                first = first.IsEmpty ? member : first;
                if (member.IsEmpty || !member.SequenceEqual(first))
                {
                    return false;
                }
            }
        }

        text = first;
        return true;
    }

    /// <summary>
    /// Only <c>chunked</c> alone is understood. A sound list that ends in chunked asks for something we do not implement
    /// (501, section 6.1); any other list leaves the length of the body open (400, section 6.3).
    /// </summary>
    private static RejectReason JudgeCoding(ReadOnlySpan<byte> list)
    {
        if (Ascii.EqualsIgnoreCase(list, "chunked"u8))
        {
            return RejectReason.None;
        }

        var chunkedBefore = false;
        var chunkedLast = false;
        foreach (var range in list.Split((byte)','))
        {
            var coding = Octets.Trim(list[range]);
            if (coding.IsEmpty || coding.ContainsAnyExcept(Octets.Token))
            {
                return RejectReason.TransferEncodingMalformed;
            }

            chunkedBefore |= chunkedLast;
            chunkedLast = Ascii.EqualsIgnoreCase(coding, "chunked"u8);
        }

        return chunkedLast && !chunkedBefore
            ? RejectReason.TransferCodingUnsupported
            : RejectReason.TransferEncodingNotChunked;
    }
}
