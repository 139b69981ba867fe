namespace Tunnel.Hosting.Errors;

/// <summary>What a visitor can be told instead of an answer: the codes of <c>Tunnel-Error</c>.</summary>
public static class VisitorErrors
{
    public static KnownError TunnelNotFound { get; } = new(
        "tunnel-not-found", FailedParty.Visitor, "No tunnel has the name that was asked for.",
        "Compare the address with the Forwarding line of the agent, or start the agent that serves it.");

    public static KnownError AgentOffline { get; } = new(
        "agent-offline", FailedParty.Agent, "The name is known, and its agent is not connected.",
        "Start the agent, or look at its log: it says why it is away, and when it tries again.");

    public static KnownError OriginRefused { get; } = new(
        "origin-refused", FailedParty.Origin, "The agent is connected and cannot connect to the local server.",
        "Start the local server, or compare its address with the agent's --port and --local-host.");

    public static KnownError OriginInvalid { get; } = new(
        "origin-invalid", FailedParty.Origin, "What the local server sent is not HTTP, or broke off before its head ended.",
        "Look at the agent's log, which has the beginning of what came. A local server that speaks HTTPS takes --local-https.");

    public static KnownError OriginTimeout { get; } = new(
        "origin-timeout", FailedParty.Origin, "The local server did not begin to answer in time, or its host is gone.",
        "Look why it is slow; --answer-time gives it longer.");

    public static KnownError SessionLost { get; } = new(
        "session-lost", FailedParty.Network, "The connection between server and agent ended with the request under way, and it may not be sent a second time.",
        "Find out whether the request took effect, then try again.");

    public static KnownError TooBusy { get; } = new(
        "too-busy", FailedParty.Server, "There is no room: the agent has all the requests it can take, too many wait, too many passwords were tried, or memory is full.",
        "Wait a moment. If it comes often: --max-streams, --memory-limit, or more agents with --pool.");

    public static KnownError Misdirected { get; } = new(
        "misdirected", FailedParty.Visitor, "The TLS handshake was for another name than the request.",
        "Open a connection for the name itself. A proxy in front of the server has to send the name it asks for in SNI.");

    public static KnownError HttpsOnly { get; } = new(
        "https-only", FailedParty.Visitor, "The name is of a passthrough tunnel, and this came by plain HTTP or without the name in the handshake.",
        "Use https://, and a client that sends SNI.");

    public static KnownError HttpsRequired { get; } = new(
        "https-required", FailedParty.Visitor, "The server has --https-redirect, and this came by plain HTTP.",
        "Follow the Location, or use https:// at once.");

    public static KnownError AuthRequired { get; } = new(
        "auth-required", FailedParty.Visitor, "The tunnel asks for a name and a password.",
        "Ask whoever runs the agent for them; they are in the file of --basic-auth-file.");

    public static KnownError AccessDenied { get; } = new(
        "access-denied", FailedParty.Visitor, "The tunnel takes no visitors from this address.",
        "Ask whoever runs the agent; --allow and --deny say who may pass. Behind a proxy the server needs --trusted-proxy to see the visitor.");

    public static KnownError RequestRejected { get; } = new(
        "request-rejected", FailedParty.Visitor, "The request itself cannot be passed on; the page says what is wrong with it.",
        "Mend the client. docs/http.md has every rule and its status.");
}
