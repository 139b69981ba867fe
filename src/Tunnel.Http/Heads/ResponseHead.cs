using System.Buffers;

namespace Tunnel.Http.Heads;

/// <summary>
/// The head of one response, as read (RFC 9112 sections 4 and 5). One object serves all responses of a connection:
/// <see cref="ResponseHeadParser"/> fills it, <see cref="Reset"/> gives its buffer back. Spans are valid until then or until
/// the fields change. Not for several threads.
/// </summary>
public sealed class ResponseHead(MemoryPool<byte> pool)
{
    public HeaderList Headers { get; } = new(pool);

    /// <summary>100 to 999. Beyond 599 they mean what 5xx means (RFC 9110 section 15), if anything.</summary>
    public int Status { get; internal set; }

    /// <summary>The reason phrase; may be empty, and may hold bytes from 0x80 up.</summary>
    public ReadOnlySpan<byte> ReasonPhrase => Headers.Page[ReasonSlice];

    public ProtocolVersion Version { get; internal set; }

    /// <summary>How the body is delimited, the method of the request considered (RFC 9112 section 6.3).</summary>
    public BodyFraming Framing { get; internal set; }

    /// <summary>Whether the connection may serve another request after this response; never when its body ends with it.</summary>
    public bool KeepAlive { get; internal set; }

    /// <summary>1xx but not 101: another head follows.</summary>
    public bool IsInterim => Status < 200 && !IsSwitch;

    /// <summary>101: everything behind this head is the other protocol's.</summary>
    public bool IsSwitch => Status == 101;

    /// <summary>
    /// The protocols a 101 switches to, as a list ready to be written; empty in any other response. To be compared with
    /// what was asked by <see cref="UpgradeTokens.Confirms"/>. Survives the removal of the Upgrade field.
    /// </summary>
    public ReadOnlySpan<byte> Upgrade => Headers.Page[UpgradeSlice];

    internal PageSlice ReasonSlice { get; set; }

    internal PageSlice UpgradeSlice { get; set; }

    /// <summary>
    /// Gives the buffer back and forgets everything; needed after a refusal too. Given up half-way, reset the parser as well.
    /// </summary>
    public void Reset()
    {
        Headers.Reset();
        Status = 0;
        Version = ProtocolVersion.Http11;
        Framing = BodyFraming.None;
        KeepAlive = false;
        ReasonSlice = UpgradeSlice = default;
    }
}
