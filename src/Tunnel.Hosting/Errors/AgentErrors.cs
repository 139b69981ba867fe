namespace Tunnel.Hosting.Errors;

/// <summary>What <c>tunnel-agent</c> can say of its way to the server, and of its local server.</summary>
public static class AgentErrors
{
    public static KnownError ServerRefused { get; } = new(
        "server-refused", FailedParty.Server, "The machine of the server answers, and nothing listens on that port.",
        "Start tunnel-server there, or name its port for agents with --server HOST:PORT; its ready line has it.");

    public static KnownError ServerTimeout { get; } = new(
        "server-timeout", FailedParty.Network, "The server did not answer in time.",
        "Check the address; open the port in the firewall there, or use 443: --server HOST:443.");

    public static KnownError ServerNameUnresolved { get; } = new(
        "server-name-unresolved", FailedParty.Network, "The server's name has no address, or cannot be looked up from here.",
        "Check --server and the network of this machine; the server's own name needs an A record beside the wildcard.");

    public static KnownError ServerUnreachable { get; } = new(
        "server-unreachable", FailedParty.Network, "There is no way from this machine to the server.",
        "Check --server and the network of this machine.");

    public static KnownError NotATunnelServer { get; } = new(
        "not-a-tunnel-server", FailedParty.Operator, "Something answers there, and it is not the port for agents of a tunnel-server; often it is the one for visitors.",
        "Name the right port: --server HOST:443 where the server has HTTPS, otherwise HOST:9090, or the port of --agent-port.");

    public static KnownError ServerTlsFailed { get; } = new(
        "server-tls-failed", FailedParty.Network, "The encrypted connection to the server did not come about.",
        "Name the server's port for agents with --server HOST:PORT. If it is that one, something in between breaks TLS.");

    public static KnownError ServerKeyDiffers { get; } = new(
        "server-key-differs", FailedParty.Network, "The server shows another key than the token names: somebody is in between, the server's key was replaced, or the token is of another server.",
        "Ask the server's owner. If the key was replaced, a new token is needed.");

    public static KnownError ServerNotTrusted { get; } = new(
        "server-not-trusted", FailedParty.Operator, "Nothing vouches for the server: neither a token nor an authority that this system knows.",
        "'tunnel-server token create NAME' there, 'tunnel-agent login' here; or name its authority with --ca.", ExitCodes.TokenRefused);

    public static KnownError ProxyUnreachable { get; } = new(
        "proxy-unreachable", FailedParty.Network, "The proxy in HTTPS_PROXY cannot be reached.",
        "Mend the variable, or put the server into NO_PROXY.");

    public static KnownError ProxyInvalid { get; } = new(
        "proxy-invalid", FailedParty.Network, "What HTTPS_PROXY names does not answer as an HTTP proxy, or no TLS with it comes about.",
        "Mend the variable: http:// or https:// in front, as the proxy speaks. Its authority has to be one of this system's.");

    public static KnownError ProxyRefused { get; } = new(
        "proxy-refused", FailedParty.Network, "The proxy does not connect to the server.",
        "Many allow port 443 only: --server HOST:443. One that asks for credentials takes http://USER:PASSWORD@HOST:PORT in HTTPS_PROXY.");

    public static KnownError LinkLost { get; } = new(
        "link-lost", FailedParty.Network, "The connection to the server broke or fell silent. Requests wait on both sides.",
        "Nothing: the agent comes back by itself. If it comes again and again, look what is between the two that ends idle connections.");

    public static KnownError SessionClosed { get; } = new(
        "session-closed", FailedParty.Server, "The server ended the session in good order.",
        "Nothing: the agent opens the next one.");

    public static KnownError Replaced { get; } = new(
        "replaced", FailedParty.Operator, "Another agent with the same identity took the tunnel over: it was started a second time, or on a copy of this machine.",
        "Stop one of them, or give each its own --state-dir; with --pool both serve the name.");

    public static KnownError BindTimeout { get; } = new(
        "bind-timeout", FailedParty.Server, "The server did not say within a minute whether it serves the tunnel.",
        "Nothing: the agent tries again. If it stays, look at the server's log.");

    public static KnownError VersionMismatch { get; } = new(
        "version-mismatch", FailedParty.Operator, "Agent and server have no version of the protocol in common.",
        "Update the side that the message names.", ExitCodes.VersionRefused);

    public static KnownError HelloInvalid { get; } = new(
        "hello-invalid", FailedParty.Agent, "The server could not read how the agent introduced itself.",
        "Bring both to the same version. If they are, report it.", ExitCodes.NameRefused);

    public static KnownError TokenRequired { get; } = new(
        "token-required", FailedParty.Operator, "The server admits agents with a token only, and this one showed none.",
        "'tunnel-server token create NAME' there, 'tunnel-agent login' here.", ExitCodes.TokenRefused);

    public static KnownError TokenUnknown { get; } = new(
        "token-unknown", FailedParty.Operator, "The server does not know the token: it is of another server, was forgotten, or a backup was restored there. One that worked before is shown for ten more minutes.",
        "'tunnel-server token list' on the server shows those it knows; make a new one there.", ExitCodes.TokenRefused);

    public static KnownError TokenExpired { get; } = new(
        "token-expired", FailedParty.Operator, "The token's time is over, or a clock is wrong. One that worked before is shown for ten more minutes.",
        "Compare the clocks; otherwise a new token is needed.", ExitCodes.TokenRefused);

    public static KnownError TokenRevoked { get; } = new(
        "token-revoked", FailedParty.Operator, "The server's owner has ended the token.",
        "Ask for a new one.", ExitCodes.TokenRefused);

    public static KnownError TlsRequired { get; } = new(
        "tls-required", FailedParty.Operator, "The agent is on another machine and came without TLS.",
        "Leave --plaintext out. If a token was sent like this, revoke it.", ExitCodes.TokenRefused);

    public static KnownError NameRefused { get; } = new(
        "name-refused", FailedParty.Operator, "The name cannot be had: it is not one the server or the token may serve, is reserved, or is none.",
        "Ask for one that the message allows, or for another token.", ExitCodes.NameRefused);

    public static KnownError NameConflict { get; } = new(
        "name-conflict", FailedParty.Operator, "Another agent serves the name; the message says where and since when. An agent that held it before goes on trying.",
        "Stop that one, ask for another name, or start both with --pool and the same rules for visitors.", ExitCodes.NameRefused);

    public static KnownError ResumeRefused { get; } = new(
        "resume-refused", FailedParty.Server, "The session that the agent wanted to go on with is over: the server was started again, or it took too long.",
        "Nothing: the agent opens a new one. Requests that were under way are lost.");

    public static KnownError TooManySessions { get; } = new(
        "too-many-sessions", FailedParty.Server, "The server has as many sessions as it may, in all or of this token.",
        "The agent tries again. The server takes more with --max-sessions and --max-sessions-per-token.");

    public static KnownError Draining { get; } = new(
        "draining", FailedParty.Server, "The server is being restarted.",
        "Nothing: the agent comes back by itself.");

    public static KnownError OriginUnreachable { get; } = new(
        "origin-unreachable", FailedParty.Origin, "The agent finds no way to the local server: its name has no address, or no network leads there.",
        "Check --local-host. Visitors are told origin-refused.");

    public static KnownError OriginTlsFailed { get; } = new(
        "origin-tls-failed", FailedParty.Origin, "The agent reached the local server, and TLS with it did not come about.",
        "Leave --local-https out if it speaks plain HTTP; --local-ca FILE or --local-insecure if its certificate is of its own making.");

    public static KnownError OriginSpeaksTls { get; } = new(
        "origin-speaks-tls", FailedParty.Origin, "The local server speaks HTTPS, and the agent spoke plain HTTP to it.",
        "Start the agent with --local-https.");

    public static KnownError OriginReset { get; } = new(
        "origin-reset", FailedParty.Origin, "The local server broke off in the middle of an answer, and the visitor's connection was cut.",
        "Look at the local server's own log.");

    public static KnownError HostBlocked { get; } = new(
        "host-blocked", FailedParty.Origin, "The local server answers only to the names it knows, and the public one is not among them.",
        "The line names the setting of the framework; behind-the-tunnel.md has it in full. --host-header origin hides the public name instead, where that works.");

    public static KnownError OriginUnchecked { get; } = new(
        "origin-unchecked", FailedParty.Operator, "--local-insecure: whoever can take the local server's place reads and changes everything.",
        "--local-ca FILE checks its certificate.");

    public static KnownError TokenExposed { get; } = new(
        "token-exposed", FailedParty.Operator, "Other users of this machine can read the token.",
        "Use 'tunnel-agent login' or --token-file instead of --token; close the file with chmod 600.");

    public static KnownError TokenNotStored { get; } = new(
        "token-not-stored", FailedParty.Operator, "The file for the token of this user cannot be written or removed.",
        "Put right who may write there; the line names the file.", ExitCodes.Failed);

    public static KnownError InstanceNotKept { get; } = new(
        "instance-not-kept", FailedParty.Operator, "The agent cannot keep who it is: after a crash it may wait some seconds for its name.",
        "Name a folder it may write to with --state-dir.");

    public static KnownError AgentNotRunning { get; } = new(
        "agent-not-running", FailedParty.Operator, "No agent of this user that runs is the one that was named.",
        "'tunnel-agent status' shows those that run. One of another user, or of root, is asked as that user.", ExitCodes.Failed);

    public static KnownError NothingToReload { get; } = new(
        "nothing-to-reload", FailedParty.Operator, "The agent was started with options, not with a settings file, so there is nothing to read again.",
        "Start it again with other options, or use a file: 'tunnel-agent config example'.", ExitCodes.Failed);

    public static KnownError PublicNameUnresolved { get; } = new(
        "public-name-unresolved", FailedParty.Operator, "The public name of the tunnel has no address, or cannot be looked up from here.",
        "Add a wildcard record for *.DOMAIN that leads to the server; for a name of your own, one for that name.");

    public static KnownError PublicNameElsewhere { get; } = new(
        "public-name-elsewhere", FailedParty.Operator, "The public name of the tunnel leads to another address than the server's.",
        "Mend the record. If something stands in front of the server, start it with --public-url.");

    public static KnownError PublicSideUnreachable { get; } = new(
        "public-side-unreachable", FailedParty.Network, "A request for the public name did not come back to the agent.",
        "Open the server's ports for visitors in its firewall, and look what answers there instead.");

    public static KnownError ClockDiffers { get; } = new(
        "clock-differs", FailedParty.Operator, "The clocks of this machine and of the server differ by more than a minute: certificates and tokens are judged by them.",
        "Set the one that is wrong, by NTP best.");

    public static KnownError QuietConnectionCut { get; } = new(
        "quiet-connection-cut", FailedParty.Network, "Something on the way ends connections that are quiet for less than a minute.",
        "Links are never quiet for that long. What is between visitors and server may do the same to theirs: let servers and browsers send something more often.");

    public static KnownError ServiceWithoutSettings { get; } = new(
        "service-without-settings", FailedParty.Operator, "There is no settings file where the service would look for it.",
        "Write one, 'tunnel-agent config example' begins it, or name yours with --config FILE. Root's service has its file in /etc/tunnel-agent.", ExitCodes.WrongUsage);
}
