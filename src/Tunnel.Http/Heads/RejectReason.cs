namespace Tunnel.Http.Heads;

/// <summary>
/// Why a message is refused: one name for each thing. <c>docs/http.md</c> lists them with their RFC sections;
/// <see cref="RejectReasons"/> maps each to a status and a sentence.
/// </summary>
public enum RejectReason
{
    /// <summary>Nothing is wrong.</summary>
    None,

    // Bytes and lines.
    BareCarriageReturn,
    BareLineFeed,
    NulByte,

    // The request line.
    EmptyLinesBeforeRequest,
    MalformedRequestLine,
    RequestLineTooLong,
    InvalidMethod,
    MethodTooLong,
    MissingVersion,
    MalformedVersion,
    UnsupportedVersion,

    /// <summary>The preface of an HTTP/2 client (RFC 9113 section 3.4), which was not asked to come that way.</summary>
    Http2PriorKnowledge,
    InvalidTarget,
    FragmentInTarget,
    AsteriskWithoutOptions,
    InvalidConnectTarget,

    // The status line.
    MalformedStatusLine,
    StatusLineTooLong,
    InvalidStatusCode,
    InvalidReasonPhrase,

    // Fields.
    WhitespaceBeforeFields,
    ObsoleteLineFolding,
    WhitespaceBeforeColon,
    MissingColon,
    EmptyFieldName,
    InvalidFieldName,
    InvalidFieldValue,
    TooManyFields,
    HeadTooLarge,
    HeadTruncated,

    // Routing.
    HostMissing,
    HostRepeated,
    HostEmpty,
    HostInvalid,

    // Framing.
    TransferEncodingWithContentLength,
    TransferEncodingInHttp10,
    TransferEncodingRepeated,
    TransferEncodingMalformed,
    TransferEncodingNotChunked,
    TransferCodingUnsupported,
    TransferEncodingForbidden,
    ContentLengthRepeated,
    ContentLengthInvalid,
    ContentLengthTooLarge,
    ContentLengthForbidden,
    ContentInTrace,

    // Control fields.
    ConnectionInvalid,
    UpgradeInvalid,
    UpgradeUnconfirmed,
    ExpectationUnsupported,
    MaxForwardsInvalid,

    // Bodies.
    ChunkSizeInvalid,
    ChunkSizeTooLarge,
    ChunkLineTooLong,
    ChunkExtensionInvalid,
    ChunkOverheadTooLarge,
    ChunkEndMissing,
    TrailersTooLarge,
    BodyTruncated,

    // Found out by whoever drives the parser, named here so that all refusals have one table.
    HeadTimeout,
    BodyTimeout,
    BodyTooLarge,
    ConnectRefused,
}
