using Tunnel.Http.Heads;

namespace Tunnel.Http.Bodies;

/// <summary>
/// Which fields may travel in a trailer section (RFC 9110 section 6.5.1): none that frames, routes, authenticates, modifies
/// the request, describes the content, controls the response, or that the edge answers for. Those are dropped, not refused.
/// </summary>
internal static class TrailerRules
{
    private static readonly HeaderSet Forbidden = HeaderSet.Forwarding.And(
        KnownHeader.Host, KnownHeader.ContentLength, KnownHeader.TransferEncoding, KnownHeader.Trailer, KnownHeader.Via,
        KnownHeader.MaxForwards, KnownHeader.Expect, KnownHeader.XRequestId, KnownHeader.TunnelError,
        KnownHeader.Authorization, KnownHeader.WwwAuthenticate, KnownHeader.AuthenticationInfo, KnownHeader.Cookie,
        KnownHeader.SetCookie, KnownHeader.Range, KnownHeader.IfMatch, KnownHeader.IfNoneMatch, KnownHeader.IfModifiedSince,
        KnownHeader.IfUnmodifiedSince, KnownHeader.IfRange, KnownHeader.CacheControl, KnownHeader.Pragma, KnownHeader.Age,
        KnownHeader.Date, KnownHeader.Expires, KnownHeader.Location, KnownHeader.RetryAfter, KnownHeader.Vary,
        KnownHeader.Warning, KnownHeader.ContentType, KnownHeader.ContentEncoding, KnownHeader.ContentLanguage,
        KnownHeader.ContentLocation, KnownHeader.ContentRange, KnownHeader.ContentDisposition,
        KnownHeader.StrictTransportSecurity, KnownHeader.AltSvc, KnownHeader.SecWebSocketKey,
        KnownHeader.SecWebSocketAccept, KnownHeader.EarlyData, KnownHeader.Proxy);

    /// <summary>Removes what a trailer section may not carry, names that only look alike included.</summary>
    public static void RemoveForbidden(HeaderList trailers)
    {
        foreach (var field in trailers)
        {
            var id = field.Id == KnownHeader.Unknown ? KnownHeaders.FindAlias(field.Name) : field.Id;
            if (Forbidden.Contains(id) || HopByHop.IsHopByHop(id))
            {
                trailers.RemoveAt(field.Index);
            }
        }
    }
}
