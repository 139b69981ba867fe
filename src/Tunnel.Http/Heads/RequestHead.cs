using System.Buffers;

namespace Tunnel.Http.Heads;

/// <summary>
/// The head of one request, as read (RFC 9112 sections 3 and 5). One object serves all requests of a connection:
/// <see cref="RequestHeadParser"/> fills it, <see cref="Reset"/> gives its buffer back. Spans are valid until then or until
/// the fields change. Not for several threads.
/// </summary>
public sealed class RequestHead(MemoryPool<byte> pool)
{
    /// <summary>The fields. With an absolute-form target, Host already holds the target's authority.</summary>
    public HeaderList Headers { get; } = new(pool);

    public RequestMethod Method { get; internal set; }

    /// <summary>The method as written.</summary>
    public ReadOnlySpan<byte> MethodName => Headers.Page[MethodSlice];

    /// <summary>The request target as it arrived.</summary>
    public ReadOnlySpan<byte> RawTarget => Headers.Page[RawTargetSlice];

    /// <summary>
    /// The target to send on: origin-form, or <c>*</c>. Equal to <see cref="RawTarget"/> unless that was in absolute-form or
    /// had bytes from 0x80, which are escaped here; with CONNECT it is the authority.
    /// </summary>
    public ReadOnlySpan<byte> Target => Headers.Page[TargetSlice];

    public TargetForm TargetForm { get; internal set; }

    /// <summary>Whether this is CONNECT, which the edge refuses with <see cref="RejectReason.ConnectRefused"/>.</summary>
    public bool IsConnect => Method == RequestMethod.Connect;

    public ProtocolVersion Version { get; internal set; }

    /// <summary>
    /// The effective authority as written, port included: of the target in absolute-form, otherwise of Host
    /// (RFC 9112 section 3.3). Empty in an HTTP/1.0 request that names none.
    /// </summary>
    public ReadOnlySpan<byte> Authority => Headers.Page[AuthoritySlice];

    /// <summary>
    /// The host to route by: lower case, without port and final dot, an IPv6 literal with its brackets. Empty when there is
    /// no authority.
    /// </summary>
    public ReadOnlySpan<byte> HostName => Headers.Page[HostNameSlice];

    /// <summary>The port of the authority, when it names one.</summary>
    public int? Port { get; internal set; }

    /// <summary>Bytes of memory the head is made of.</summary>
    public int Bytes => Headers.Page.UsedBytes;

    /// <summary>How the body is delimited.</summary>
    public BodyFraming Framing { get; internal set; }

    /// <summary>Whether the connection may serve another request after this one (RFC 9112 section 9.3).</summary>
    public bool KeepAlive { get; internal set; }

    /// <summary>Whether the sender waits for 100 before its body (RFC 9110 section 10.1.1); only when there is one.</summary>
    public bool ExpectsContinue { get; internal set; }

    /// <summary>Whether a switch of protocols is asked for that may be offered to the origin.</summary>
    public bool WantsUpgrade => UpgradeSlice.Length > 0;

    /// <summary>
    /// The protocols that may be offered, as a list ready to be written; empty when none. Only in HTTP/1.1, and only when
    /// Connection says <c>upgrade</c>. What is switched to begins behind the body, if there is one (RFC 9110 section 7.8).
    /// Survives the removal of the Upgrade field.
    /// </summary>
    public ReadOnlySpan<byte> Upgrade => Headers.Page[UpgradeSlice];

    /// <summary>Max-Forwards of a TRACE or OPTIONS request (RFC 9110 section 7.6.2); null otherwise.</summary>
    public long? MaxForwards { get; internal set; }

    internal PageSlice MethodSlice { get; set; }

    internal PageSlice RawTargetSlice { get; set; }

    internal PageSlice TargetSlice { get; set; }

    internal PageSlice AuthoritySlice { get; set; }

    internal PageSlice HostNameSlice { get; set; }

    internal PageSlice UpgradeSlice { get; set; }

    /// <summary>
    /// Gives the buffer back and forgets everything; needed after a refusal too. Given up half-way, reset the parser as well.
    /// </summary>
    public void Reset()
    {
        Headers.Reset();
        Method = RequestMethod.Other;
        TargetForm = TargetForm.Origin;
        Version = ProtocolVersion.Http11;
        Port = null;
        Framing = BodyFraming.None;
        KeepAlive = false;
        ExpectsContinue = false;
        MaxForwards = null;
        MethodSlice = RawTargetSlice = TargetSlice = AuthoritySlice = HostNameSlice = UpgradeSlice = default;
    }
}
