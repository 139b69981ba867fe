using System.Globalization;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Which requests go no further than the edge, whoever they are for, and what HTTPS asks of requests and answers: SNI and
/// Host agree, plain HTTP is sent on, browsers are told to stay.
/// </summary>
/// <param name="httpsPort">Where HTTPS is served; null: it is not.</param>
internal sealed class EntryRules(ServerOptions options, int? httpsPort)
{
    private readonly byte[]? _hsts = options.Tls.Hsts is { } time
        ? Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"max-age={(long)time.TotalSeconds}"))
        : null;

    public static ReadOnlySpan<byte> StrictTransportSecurity => "Strict-Transport-Security"u8;

    /// <summary>The port as it stands in a URL: with its colon, or nothing when it goes without saying.</summary>
    public string PortSuffix { get; } = options.Front.PublicUrl is { IsHttps: true } front ? front.PortSuffix
        : httpsPort is { } port ? new Routing.PublicUrl("https", port).PortSuffix
        : "";

    /// <summary>Why this request is not to be forwarded from this connection; null: it may be.</summary>
    /// <param name="peer">What is known of the connection itself.</param>
    /// <param name="visitor">What is known of the visitor, a trusted proxy's word included.</param>
    public EdgeError? Judge(RequestHead request, VisitorFacts peer, VisitorFacts visitor)
    {
        if (request.IsConnect)
        {
            return EdgeError.Rejected(RejectReason.ConnectRefused);
        }

        if (request.Framing.Length > options.Visitors.MaxBody)
        {
            return EdgeError.Rejected(RejectReason.BodyTooLarge);
        }

        if (request.MaxForwards == 0)
        {
            // The sender wants to hear from the last hop that may have it, and that is us (RFC 9110 section 7.6.2).
            return EdgeError.LastHop;
        }

        // Nothing coalesces on HTTP/1.1: a Host that differs is a mistake, or an attempt to be let in where it matters which
        // name the handshake was for (RFC 9110 section 7.4).
        if (peer.ServerName is { } name && !request.HostName.SequenceEqual(name))
        {
            return EdgeError.Misdirected;
        }

        return options.Tls.RedirectsToHttps && httpsPort is not null && visitor.Scheme == VisitorScheme.Http && !request.HostName.IsEmpty
            ? EdgeError.HttpsRequired(Location(request))
            : null;
    }

    /// <summary>The value of Strict-Transport-Security on this connection; null: none.</summary>
    public byte[]? HstsFor(VisitorFacts peer) => peer.Scheme == VisitorScheme.Https ? _hsts : null;

    /// <summary>Puts Strict-Transport-Security on an answer, unless the origin has its own.</summary>
    public void Announce(HeaderList answer, VisitorFacts peer)
    {
        if (HstsFor(peer) is { } value && !answer.TryGet(StrictTransportSecurity, out _))
        {
            answer.Add(StrictTransportSecurity, value);
        }
    }

    private string Location(RequestHead request)
    {
        string host = Encoding.Latin1.GetString(request.HostName);
        string target = Encoding.Latin1.GetString(request.Target);
        return $"https://{host}{PortSuffix}{(target.StartsWith('/') ? target : "/")}";
    }
}
