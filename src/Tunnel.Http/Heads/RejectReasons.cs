namespace Tunnel.Http.Heads;

/// <summary>The status and the sentence that belong to a <see cref="RejectReason"/>; the sentences never echo input.</summary>
public static class RejectReasons
{
    extension(RejectReason reason)
    {
        /// <summary>
        /// The status a refused <em>request</em> is answered with: 400, 408, 413, 414, 417, 431, 501 or 505. A refused
        /// response is a 502 of the one who asked, whatever the reason.
        /// </summary>
        public int Status => reason switch
        {
            RejectReason.HeadTimeout or RejectReason.BodyTimeout => 408,
            RejectReason.ContentLengthTooLarge or RejectReason.BodyTooLarge => 413,
            RejectReason.RequestLineTooLong => 414,
            RejectReason.ExpectationUnsupported => 417,
            RejectReason.TooManyFields or RejectReason.HeadTooLarge or RejectReason.TrailersTooLarge => 431,
            RejectReason.MethodTooLong or RejectReason.TransferCodingUnsupported or RejectReason.ConnectRefused => 501,
            RejectReason.UnsupportedVersion or RejectReason.Http2PriorKnowledge => 505,
            _ => 400,
        };

        /// <summary>What was wrong, in one sentence for a human.</summary>
        public string Sentence => reason switch
        {
            RejectReason.None => "Nothing is wrong.",
            RejectReason.BareCarriageReturn => "A carriage return stands without its line feed.",
            RejectReason.BareLineFeed => "A line ends in a line feed without a carriage return.",
            RejectReason.NulByte => "There is a NUL byte where text belongs.",
            RejectReason.EmptyLinesBeforeRequest => "More than one empty line precedes the request line.",
            RejectReason.MalformedRequestLine => "The request line is not 'method target version' with single spaces.",
            RejectReason.RequestLineTooLong => "The request line is too long.",
            RejectReason.InvalidMethod => "The request method is not a valid name.",
            RejectReason.MethodTooLong => "The request method is longer than any known one.",
            RejectReason.MissingVersion => "The request line names no HTTP version.",
            RejectReason.MalformedVersion => "The HTTP version is malformed.",
            RejectReason.UnsupportedVersion => "Only HTTP/1.0 and HTTP/1.1 are spoken here.",
            RejectReason.Http2PriorKnowledge => "HTTP/2 is not spoken here, only HTTP/1.1.",
            RejectReason.InvalidTarget => "The request target is not a valid path or URL.",
            RejectReason.FragmentInTarget => "The request target carries a fragment.",
            RejectReason.AsteriskWithoutOptions => "The target '*' is for OPTIONS only.",
            RejectReason.InvalidConnectTarget => "The target of CONNECT is not 'host:port'.",
            RejectReason.MalformedStatusLine => "The status line is not 'version status reason'.",
            RejectReason.StatusLineTooLong => "The status line is too long.",
            RejectReason.InvalidStatusCode => "The status code is not three digits from 100 up.",
            RejectReason.InvalidReasonPhrase => "The reason phrase contains a control byte.",
            RejectReason.WhitespaceBeforeFields => "Whitespace stands before the first field.",
            RejectReason.ObsoleteLineFolding => "A field is folded over several lines.",
            RejectReason.WhitespaceBeforeColon => "Whitespace stands between a field name and its colon.",
            RejectReason.MissingColon => "A field line has no colon.",
            RejectReason.EmptyFieldName => "A field has no name.",
            RejectReason.InvalidFieldName => "A field name contains a byte that no name may contain.",
            RejectReason.InvalidFieldValue => "A field value contains a control byte.",
            RejectReason.TooManyFields => "There are too many fields.",
            RejectReason.HeadTooLarge => "The fields are too large.",
            RejectReason.HeadTruncated => "The connection ended before the head did.",
            RejectReason.HostMissing => "The Host field is missing.",
            RejectReason.HostRepeated => "There is more than one Host field.",
            RejectReason.HostEmpty => "The Host field is empty.",
            RejectReason.HostInvalid => "The host is not a valid name or address with an optional port.",
            RejectReason.TransferEncodingWithContentLength => "Transfer-Encoding and Content-Length exclude each other.",
            RejectReason.TransferEncodingInHttp10 => "HTTP/1.0 has no Transfer-Encoding.",
            RejectReason.TransferEncodingRepeated => "There is more than one Transfer-Encoding field.",
            RejectReason.TransferEncodingMalformed => "The Transfer-Encoding field is malformed.",
            RejectReason.TransferEncodingNotChunked => "The last transfer coding is not chunked, or chunked is not last.",
            RejectReason.TransferCodingUnsupported => "Only the chunked transfer coding is supported.",
            RejectReason.TransferEncodingForbidden => "A response without a body must not carry Transfer-Encoding.",
            RejectReason.ContentLengthRepeated => "There is more than one Content-Length field.",
            RejectReason.ContentLengthInvalid => "The Content-Length is not one plain decimal number.",
            RejectReason.ContentLengthTooLarge => "The Content-Length is larger than anything that can be sent.",
            RejectReason.ContentLengthForbidden => "A response that has no body announces a length.",
            RejectReason.ContentInTrace => "A TRACE request must not have a body.",
            RejectReason.ConnectionInvalid => "The Connection field is not a list of names.",
            RejectReason.UpgradeInvalid => "The Upgrade field is not a list of protocols.",
            RejectReason.UpgradeUnconfirmed => "A 101 response does not say to which protocol it switches.",
            RejectReason.ExpectationUnsupported => "Only the expectation 100-continue is supported.",
            RejectReason.MaxForwardsInvalid => "The Max-Forwards field is not one plain decimal number.",
            RejectReason.ChunkSizeInvalid => "A chunk size is not a plain hexadecimal number.",
            RejectReason.ChunkSizeTooLarge => "A chunk size is larger than anything that can be sent.",
            RejectReason.ChunkLineTooLong => "The line of a chunk size is too long.",
            RejectReason.ChunkExtensionInvalid => "A chunk extension is malformed.",
            RejectReason.ChunkOverheadTooLarge => "The body consists of chunk framing more than of content.",
            RejectReason.ChunkEndMissing => "The data of a chunk does not end where its size says.",
            RejectReason.TrailersTooLarge => "The trailer fields are too large.",
            RejectReason.BodyTruncated => "The connection ended before the body did.",
            RejectReason.HeadTimeout => "The head of the request did not arrive in time.",
            RejectReason.BodyTimeout => "The body of the request did not arrive in time.",
            RejectReason.BodyTooLarge => "The body is larger than this tunnel accepts.",
            RejectReason.ConnectRefused => "CONNECT is not offered here.",
            _ => "The message is malformed.",
        };
    }
}
