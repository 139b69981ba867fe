using System.Text;
using Tunnel.Http.Heads;

namespace Tunnel.Http.Bodies;

/// <summary>
/// The one place that decides how a message is delimited (RFC 9112 sections 6.1 to 6.3). Every conflict is refused; none is
/// resolved by preferring one field, because somebody else on the way may prefer the other.
/// </summary>
internal static class FramingRules
{
    public static RejectReason ForRequest(
        HeaderList headers, ProtocolVersion version, RequestMethod method, out BodyFraming framing)
    {
        var reason = ReadFields(headers, version, out framing);
        if (reason == RejectReason.None && method == RequestMethod.Trace && framing.HasContent)
        {
            reason = RejectReason.ContentInTrace;
        }

        return reason;
    }

    public static RejectReason ForResponse(
        HeaderList headers, ProtocolVersion version, int status, RequestMethod requestMethod, out BodyFraming framing)
    {
        if (requestMethod == RequestMethod.Connect && status is >= 200 and <= 299)
        {
            // What follows is the tunnel, whatever these fields say (RFC 9110 section 9.3.6).
            framing = BodyFraming.None;
            return RejectReason.None;
        }

        var reason = ReadFields(headers, version, out framing);
        if (reason != RejectReason.None)
        {
            return reason;
        }

        if (status is < 200 or 204)
        {
            // Neither field may be sent here (sections 6.1 and RFC 9110 section 8.6). A length of zero is sent all the same
            // by some servers and says nothing wrong; it is dropped.
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
    private static RejectReason ReadFields(HeaderList headers, ProtocolVersion version, out BodyFraming framing)
    {
        framing = BodyFraming.None;
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

        if (headers.CountOf(KnownHeader.ContentLength) > 1)
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
