using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>What <see cref="HopByHop.Remove"/> found on the way.</summary>
/// <param name="AcceptsTrailers">The sender said <c>TE: trailers</c>: it will not lose trailer fields.</param>
/// <param name="NominatesOthers">
/// Connection named fields beyond those that are hop-by-hop anyway. Trailer fields of these names are hop-by-hop too
/// (RFC 9110 section 7.6.1): <see cref="HopByHop.RemoveFromTrailers"/>.
/// </param>
public readonly record struct HopByHopReport(bool AcceptsTrailers, bool NominatesOthers);

/// <summary>
/// Removal of what concerns one connection only, in requests and responses alike (RFC 9110 section 7.6.1). Whatever of it
/// the next connection needs is written anew: framing, upgrade, TE.
/// </summary>
public static class HopByHop
{
    /// <summary>
    /// Hop-by-hop by definition. Proxy authentication is among them because this intermediary is no proxy to anybody: the
    /// fields would concern it alone (section 11.7). Trailer is not: trailer fields are sent on.
    /// </summary>
    private static readonly HeaderSet Always = new(
        KnownHeader.Connection, KnownHeader.KeepAlive, KnownHeader.ProxyConnection, KnownHeader.Te,
        KnownHeader.TransferEncoding, KnownHeader.Upgrade, KnownHeader.Http2Settings, KnownHeader.ProxyAuthenticate,
        KnownHeader.ProxyAuthorization, KnownHeader.ProxyAuthenticationInfo);

    /// <summary>
    /// Not to be nominated away: routing, framing, what the edge tells the origin about the visitor, and an expectation
    /// somebody waits for.
    /// </summary>
    private static readonly HeaderSet Protected = HeaderSet.Forwarding.And(
        KnownHeader.Host, KnownHeader.ContentLength, KnownHeader.TransferEncoding, KnownHeader.Via, KnownHeader.MaxForwards,
        KnownHeader.XRequestId, KnownHeader.Expect, KnownHeader.TunnelError);

    /// <summary>Removes the hop-by-hop fields and everything Connection nominates.</summary>
    public static HopByHopReport Remove(HeaderList headers)
    {
        var acceptsTrailers = false;
        foreach (var member in headers.Members(KnownHeader.Te))
        {
            acceptsTrailers |= Ascii.EqualsIgnoreCase(member, "trailers"u8);
        }

        var nominatesOthers = RemoveNominated(headers, headers.Members(KnownHeader.Connection));
        headers.RemoveAll(Always);
        return new HopByHopReport(acceptsTrailers, nominatesOthers);
    }

    /// <summary>Removes from a trailer section what the Connection fields of its head nominate, removed ones included.</summary>
    public static void RemoveFromTrailers(HeaderList trailers, HeaderList head) =>
        RemoveNominated(trailers, new FieldMembers(head, KnownHeader.Connection, withRemoved: true));

    /// <summary>Whether a field of this kind is hop-by-hop by definition.</summary>
    internal static bool IsHopByHop(KnownHeader header) => Always.Contains(header);

    private static bool RemoveNominated(HeaderList headers, FieldMembers nominated)
    {
        var others = false;
        foreach (var member in nominated)
        {
            var id = KnownHeaders.Find(member);
            if (Always.Contains(id) || Protected.Contains(id) || IsOption(member))
            {
                continue;
            }

            others = true;
            headers.Remove(member);
        }

        return others;
    }

    /// <summary>
    /// The options that are no field names. Fields called <c>Close</c> are reserved (RFC 9110 section 18.4) and removed by
    /// nobody.
    /// </summary>
    private static bool IsOption(ReadOnlySpan<byte> member) => Ascii.EqualsIgnoreCase(member, "close"u8);
}
