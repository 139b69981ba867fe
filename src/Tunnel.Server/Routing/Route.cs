using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Guards;

namespace Tunnel.Server.Routing;

/// <summary>What became of a request that looked for its session.</summary>
internal enum RouteOutcome
{
    /// <summary>A session took it; its stream is open.</summary>
    Found,

    /// <summary>No such name.</summary>
    NotFound,

    /// <summary>The name is known, and nobody came to serve it in time.</summary>
    Offline,

    /// <summary>Its sessions are full, or too many requests wait.</summary>
    TooBusy,

    /// <summary>It would have to wait, and may if the tunnel's rules let it through: whoever asks finds out, and asks again.</summary>
    Guarded,

    /// <summary>Whoever asked has left.</summary>
    Cancelled,
}

/// <summary>A tunnel with a stream opened on it, which is the caller's to dispose; or why there is none.</summary>
internal readonly record struct Route(RouteOutcome Outcome, ServedTunnel? Tunnel = null, ITunnelStream? Stream = null)
{
    /// <summary>The rules to ask, when the outcome is <see cref="RouteOutcome.Guarded"/>.</summary>
    public VisitorGuard? Guard { get; init; }
}

/// <summary>What a request that looks for its session says of itself.</summary>
/// <param name="Open">For OPEN; the tunnel's number is filled in.</param>
/// <param name="Type">One of <see cref="TunnelTypes"/>: a tunnel of another type is none.</param>
/// <param name="ArrivedAt">On the registry's clock: the time to wait counts from here, also after a move.</param>
/// <param name="Bytes">What it keeps in memory while it waits.</param>
/// <param name="Refused">A session that would not take it, and is not asked again.</param>
internal readonly record struct RouteRequest(OpenHeader Open, string Type, TimeSpan ArrivedAt, int Bytes, IServingSession? Refused = null)
{
    /// <summary>Its visitor has fewer streams of a full session than somebody else: it waits ahead of the others.</summary>
    public bool GoesFirst { get; init; }

    /// <summary>Rules that have let the request through; null: none were asked.</summary>
    public VisitorGuard? AdmittedBy { get; init; }

    /// <summary>The login it is part of, which ties it to a session; null: any will do.</summary>
    public ConnectionLogin? Login { get; init; }
}
