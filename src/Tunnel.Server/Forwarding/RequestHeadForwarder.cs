using System.Buffers;
using System.Buffers.Text;
using Tunnel.Http.Heads;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Step 4: the visitor's request head as the origin gets it. Hop-by-hop fields are gone, who the visitor is comes from us
/// alone, and the rest is written anew from the parsed model (docs/protocol.md, section 12).
/// </summary>
internal static class RequestHeadForwarder
{
    // Host goes first (RFC 9110 section 7.2); an HTTP/1.0 request without one was routed by nothing and never gets here.
    private static readonly HeaderSet OursToSay = HeaderSet.Forwarding.And(
        KnownHeader.XRequestId, KnownHeader.TunnelError, KnownHeader.Host, KnownHeader.Proxy);

    // What we say of a visitor in words of our own; a trusted proxy may say more.
    private static readonly HeaderSet SaidAnew = OursToSay.Without(KnownHeader.OtherForwarding);

    /// <summary>Takes out what does not go on; once for each request.</summary>
    public static HopByHopReport Prepare(RequestHead head, VisitorFacts visitor)
    {
        HeaderList headers = head.Headers;
        HopByHopReport hop = HopByHop.Remove(headers);
        headers.RemoveAliases();
        headers.RemoveAll(visitor.KeepsOtherForwarding ? SaidAnew : OursToSay);
        if (head.MaxForwards is { } hops)
        {
            Span<byte> fewer = stackalloc byte[20];
            Utf8Formatter.TryFormat(hops - 1, fewer, out int digits);
            headers.Set(KnownHeader.MaxForwards, fewer[..digits]);
        }

        return hop;
    }

    /// <summary>Writes the head for one tunnel; once more when the request moves to another.</summary>
    public static void Write(
        IBufferWriter<byte> output, RequestHead head, HopByHopReport hop, ServedTunnel tunnel, VisitorFacts visitor, ReadOnlySpan<byte> requestId)
    {
        HeaderList headers = head.Headers;
        var writer = new HeadWriter(output);
        writer.RequestLine(head);
        writer.Field(KnownHeader.Host, tunnel.HostHeader ?? head.Authority);
        ReadOnlySpan<byte> publicAuthority = PublicAuthority(head, visitor);
        HeaderSet own = tunnel.Local is { } local ? VisibleOrigin.FindOwn(headers, local, visitor, publicAuthority) : default;
        HeaderRules? rules = tunnel.RequestHeaders;
        HeaderSet except = tunnel.Guard is { ForwardsAuthorization: false } ? own.And(KnownHeader.Authorization) : own;
        writer.Fields(headers, rules is null ? except : except.And(rules.Known), rules is null ? default : rules.Unknown);
        VisibleOrigin.WriteRequest(ref writer, headers, rules is null ? own : own.Without(rules.Known), tunnel.Local);
        rules?.WriteSet(ref writer);
        writer.Framing(head.Framing);
        writer.Upgrade(head.Upgrade);
        if (hop.AcceptsTrailers)
        {
            writer.Field(KnownHeader.Connection, "TE"u8);
            writer.Field(KnownHeader.Te, "trailers"u8);
        }

        WriteForwarded(ref writer, head, visitor);
        if (tunnel.AddsVia)
        {
            writer.Field(KnownHeader.Via, head.Version == ProtocolVersion.Http10 ? "1.0 tunnel"u8 : "1.1 tunnel"u8);
        }

        writer.Field(KnownHeader.XRequestId, requestId);
        writer.End();
    }

    /// <summary>The authority by which the visitor knows the tunnel.</summary>
    public static ReadOnlySpan<byte> PublicAuthority(RequestHead head, VisitorFacts visitor) =>
        visitor.ForwardedHost is { } told ? told : head.Authority;

    private static void WriteForwarded(ref HeadWriter writer, RequestHead head, VisitorFacts visitor)
    {
        writer.Field(KnownHeader.XForwardedFor, visitor.ForwardedFor);
        writer.Field(KnownHeader.XForwardedProto, visitor.SchemeName);
        ReadOnlySpan<byte> host = PublicAuthority(head, visitor);
        writer.Field(KnownHeader.XForwardedHost, host);
        writer.Field(KnownHeader.XForwardedPort, visitor.ForwardedPort);
        writer.Field(KnownHeader.XRealIp, visitor.RealIp);
        writer.StartField(KnownHeader.Forwarded);
        writer.Value(visitor.Forwarded);
        writer.Value(";host=\""u8);
        writer.Value(host);
        writer.Value("\";proto="u8);
        writer.Value(visitor.SchemeName);
        writer.EndField();
    }
}
