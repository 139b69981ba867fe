using Tunnel.Framing.Frames;
using Tunnel.Hosting.Errors;
using Tunnel.Http.Heads;
using Tunnel.Server.Guards;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// An answer the edge gives itself: the code in <c>Tunnel-Error</c>, the status, and a sentence for the person who reads
/// it (docs/operating.md, "What a visitor sees when there is no answer").
/// </summary>
/// <param name="Kind">Which of the errors that visitors can meet it is.</param>
/// <param name="Says">What happened, and what to do. Never an address of the origin.</param>
/// <param name="RetryAfter">Seconds, for answers that will change by themselves.</param>
/// <param name="Location">Where the visitor finds what it asked for.</param>
internal sealed record EdgeError(KnownError Kind, int Status, string Says, int? RetryAfter = null, string? Location = null)
{
    /// <summary>Seconds between two looks of a browser that waits.</summary>
    private const int AskAgain = 2;

    /// <summary>What visitors' programs may compare.</summary>
    public string Code => Kind.Code;

    /// <summary>False: the answer is all that can be asked for here.</summary>
    public bool IsError => Status >= 300;

    /// <summary>Seconds after which a browser asks again by itself; null: it does not.</summary>
    public int? Refresh { get; init; }

    /// <summary>WWW-Authenticate; null: none.</summary>
    public string? Challenge { get; init; }

    /// <summary>What is wrong with the request, if anything is.</summary>
    public RejectReason Reason { get; init; }

    /// <summary>The whole content; null: it says what is above.</summary>
    public ReadOnlyMemory<byte>? Content { get; init; }

    public static EdgeError TunnelNotFound { get; } = new(
        VisitorErrors.TunnelNotFound, 404, "There is no tunnel with this name. Check the address, or start the agent that serves it.");

    public static EdgeError AgentOffline { get; } = new(
        VisitorErrors.AgentOffline, 503, "The agent behind this name is not connected at the moment. Try again, or start the agent.", 5);

    /// <summary>The same for a browser that opens a page, where the tunnel wants it to see that it waits.</summary>
    public static EdgeError AgentAway { get; } = new(
        VisitorErrors.AgentOffline, 503, "Waiting for the agent behind this name. The page opens by itself when it is back.", AskAgain)
    {
        Refresh = AskAgain,
    };

    /// <summary>What the domain of the server shows, which has no tunnel of its own.</summary>
    public static EdgeError Landing { get; } = new(
        VisitorErrors.TunnelNotFound, 200, "A tunnel-server runs here. There is no tunnel on this name itself: every tunnel has a name below it.");

    /// <summary>What a certificate authority hears that asks whether a name is served here (RFC 8555 section 8.3).</summary>
    public static EdgeError Proof(byte[] content) => new(VisitorErrors.TunnelNotFound, 200, "") { Content = content };

    public static EdgeError OriginRefused { get; } = new(
        VisitorErrors.OriginRefused, 502, "The agent is connected, but the local server behind it does not accept connections. Start it, or check the agent's --port.");

    public static EdgeError OriginUnreachable { get; } = new(
        VisitorErrors.OriginRefused, 502, "The agent is connected, but finds no way to the host of its local server. Check the agent's --local-host; its log says more.");

    public static EdgeError OriginTlsFailed { get; } = new(
        VisitorErrors.OriginRefused, 502, "The agent is connected, but no encrypted connection to its local server comes about (--local-https). The agent's log says why.");

    public static EdgeError OriginSpeaksTls { get; } = new(
        VisitorErrors.OriginInvalid, 502, "The local server speaks HTTPS, and the agent spoke plain HTTP to it. Start the agent with --local-https.");

    public static EdgeError OriginInvalid { get; } = new(
        VisitorErrors.OriginInvalid, 502, "The local server's answer is not valid HTTP, or broke off before it began. Check that the agent's --port is an HTTP server; for one that speaks HTTPS the agent takes --local-https. Its log says more.");

    public static EdgeError OriginTimeout { get; } = new(
        VisitorErrors.OriginTimeout, 504, "The local server did not answer in time.");

    public static EdgeError SessionLost { get; } = new(
        VisitorErrors.SessionLost, 502, "The connection to the agent was lost while this request was under way. Try again.");

    public static EdgeError TooBusy { get; } = new(
        VisitorErrors.TooBusy, 503, "Too many requests are under way on this tunnel. Try again in a moment.", 1);

    public static EdgeError Misdirected { get; } = new(
        VisitorErrors.Misdirected, 421, "This encrypted connection was opened for another name than the request is for. Open a new one for this name.");

    public static EdgeError AccessDenied { get; } = new(
        VisitorErrors.AccessDenied, 403, "This tunnel does not take visitors from your address.");

    public static EdgeError AuthRequired { get; } = new(
        VisitorErrors.AuthRequired, 401, "This tunnel asks for a name and a password.");

    public static EdgeError TooManyPasswords { get; } = new(
        VisitorErrors.TooBusy, 503, "Too many passwords were tried. Wait a moment, then try again.", 10);

    /// <summary>Max-Forwards is used up here.</summary>
    public static EdgeError LastHop { get; } = new(
        VisitorErrors.RequestRejected, 501, "This request may go no further (Max-Forwards: 0), and the tunnel itself has no answer to its method.");

    /// <summary>The name of a passthrough tunnel: what is encrypted for it nobody opens on the way.</summary>
    public static EdgeError HttpsOnly { get; } = new(
        VisitorErrors.HttpsOnly, 421, "This name is served by HTTPS only, and its local server ends the encryption itself. Use https://, and a client that names the server in its handshake (SNI).");

    public static EdgeError HttpsRequired(string location) => new(
        VisitorErrors.HttpsRequired, 308, $"This name is served over HTTPS: {location}", Location: location);

    /// <summary>The request itself is at fault.</summary>
    public static EdgeError Rejected(RejectReason reason) => new(VisitorErrors.RequestRejected, reason.Status, reason.Sentence) { Reason = reason };

    /// <summary>What a visitor is told whom a tunnel's guard does not admit; null: it does.</summary>
    public static EdgeError? Of(GuardVerdict verdict, VisitorGuard guard) => verdict switch
    {
        GuardVerdict.AddressDenied => AccessDenied,
        GuardVerdict.PasswordNeeded => AuthRequired with { Challenge = guard.Challenge },
        GuardVerdict.TooManyPasswords => TooManyPasswords,
        _ => null,
    };

    /// <summary>What a stream that ended before its answer means to the visitor.</summary>
    public static EdgeError Of(ResetCode code) => code switch
    {
        ResetCode.OriginRefused => OriginRefused,
        ResetCode.OriginUnreachable => OriginUnreachable,
        ResetCode.OriginTlsFailed => OriginTlsFailed,
        ResetCode.OriginSpeaksTls => OriginSpeaksTls,
        ResetCode.OriginTimeout => OriginTimeout,
        ResetCode.TooBusy or ResetCode.NotProcessed => TooBusy,
        ResetCode.TunnelUnknown => TunnelNotFound,
        ResetCode.SessionLost => SessionLost,
        _ => OriginInvalid,
    };
}
