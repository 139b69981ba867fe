namespace Tunnel.Hosting.Errors;

/// <summary>What <c>tunnel-server</c> can say to whoever runs it.</summary>
public static class ServerErrors
{
    public static KnownError PortInUse { get; } = new(
        "port-in-use", FailedParty.Operator, "Another program listens on a port the server was told to take.",
        "Stop that one, or choose another with --http-port, --https-port or --agent-port.", ExitCodes.Failed);

    public static KnownError PortNotPermitted { get; } = new(
        "port-not-permitted", FailedParty.Operator, "The server may not listen on the port, as ports below 1024 are for privileged programs.",
        "Run it by systemd with AmbientCapabilities=CAP_NET_BIND_SERVICE, or take a higher port and say --public-url.", ExitCodes.Failed);

    public static KnownError AddressNotHere { get; } = new(
        "address-not-here", FailedParty.Operator, "The address of --bind is not one of this machine.",
        "Name one of this machine, or leave --bind out.", ExitCodes.Failed);

    public static KnownError ListenFailed { get; } = new(
        "listen-failed", FailedParty.Operator, "The server cannot listen; the line has the system's reason.",
        "Mend that, or choose another port or address.", ExitCodes.Failed);

    public static KnownError PortFallback { get; } = new(
        "port-fallback", FailedParty.Operator, "Port 80 or 443 could not be had, and no port was asked for, so another one is used.",
        "Make the port free, or say which one is meant with --http-port or --https-port.");

    public static KnownError StateUnusable { get; } = new(
        "state-unusable", FailedParty.Operator, "The state folder, or the key or the tokens in it, cannot be used. A server that has tokens does not start without them.",
        "Put right who may write there, or the file that is named back from a backup; --state-dir chooses another folder.", ExitCodes.Failed);

    public static KnownError StateUnsaved { get; } = new(
        "state-unsaved", FailedParty.Operator, "The state folder takes nothing; what the server knows of names and tokens is not on the disk.",
        "Look at the disk: full, read-only, or not the server's. It tries again by itself.");

    public static KnownError TokensUnreadable { get; } = new(
        "tokens-unreadable", FailedParty.Operator, "tokens.json cannot be read while the server runs: the tokens it knew last hold, and nobody else is let in.",
        "Put the file back from a backup; it is taken up by itself.");

    public static KnownError TokenFailure { get; } = new(
        "token-failure", FailedParty.Agent, "Somebody showed a token that is wrong, expired or revoked.",
        "If the address is not one of yours, a ban tool may read the line (docs/security.md); otherwise give that agent a new token.");

    public static KnownError CertificateUnusable { get; } = new(
        "certificate-unusable", FailedParty.Operator, "A certificate or its key cannot be used; the line says why. One named by option at the start ends the server, a changed file leaves the old one served.",
        "Mend the file, or replace certificate and key together; it is read again within seconds.", ExitCodes.WrongUsage);

    public static KnownError CertificateMissing { get; } = new(
        "certificate-missing", FailedParty.Operator, "No certificate is served, or none is for a name that is served: browsers refuse it by HTTPS.",
        "Put one where --cert or --cert-dir looks for it; a wildcard for *.DOMAIN covers every tunnel.");

    public static KnownError CertificateExpiring { get; } = new(
        "certificate-expiring", FailedParty.Operator, "A certificate ends within seven days, or has ended.",
        "Renew it; new files are taken up by themselves.");

    public static KnownError CertificatesSlow { get; } = new(
        "certificates-slow", FailedParty.Operator, "The file system of the certificates does not answer; those that were read before are served.",
        "Look at the file system.");

    public static KnownError AcmeUnreachable { get; } = new(
        "acme-unreachable", FailedParty.Network, "The certificate authority of --acme cannot be reached, is in trouble, or is not the one that is trusted. Certificates that are there are served.",
        "See whether this machine reaches it; it is asked again by itself.");

    public static KnownError AcmeNotProved { get; } = new(
        "acme-not-proved", FailedParty.Operator, "The certificate authority looked for the proof that a name is served here, and did not find it; the line says what it met.",
        "Let the name lead to this server in DNS, and the port reach it from the internet.");

    public static KnownError AcmeRefused { get; } = new(
        "acme-refused", FailedParty.Operator, "The certificate authority gives no certificate; the line says why, and what to do.",
        "Do that; it is asked again by itself.");

    public static KnownError AcmeRateLimited { get; } = new(
        "acme-rate-limited", FailedParty.Operator, "The certificate authority gives no more certificates for now: its limits are used up.",
        "Wait for the time in the line, or give a certificate with --cert.");

    public static KnownError AcmeUnsaved { get; } = new(
        "acme-unsaved", FailedParty.Operator, "The state folder does not take what belongs to an order, a certificate or an account, or what is kept there is damaged. What is served stays.",
        "Look at the disk: full, read-only, or not the server's. It tries again by itself.");

    public static KnownError AccessLogLost { get; } = new(
        "access-log-lost", FailedParty.Operator, "Lines of the access log were dropped, because what they are written to did not take them.",
        "Look at the disk or the reader of the pipe.");

    public static KnownError AccessLogNotReopened { get; } = new(
        "access-log-not-reopened", FailedParty.Operator, "The access log was moved away, and its path cannot be opened: it goes on in the file that was moved.",
        "Put right who may write in its folder; the next SIGHUP tries again.");

    public static KnownError AcceptFailed { get; } = new(
        "accept-failed", FailedParty.Operator, "The system did not hand over a connection; the line has its reason. Visitors wait meanwhile.",
        "If it lasts, look at the limits of open files and at memory.");

    public static KnownError TooManyVisitors { get; } = new(
        "too-many-visitors", FailedParty.Visitor, "A visitor's connection was reset because there are as many as --max-connections or --max-connections-per-address allow.",
        "Raise the limit; behind a proxy that is not a --trusted-proxy all visitors count as one address.");

    public static KnownError ProxyHeaderMissing { get; } = new(
        "proxy-header-missing", FailedParty.Operator, "A trusted proxy opened a connection without the PROXY header that --accept-proxy-protocol asks for.",
        "Switch it on at the proxy, or leave the option out.");

    public static KnownError ProxyHeaderRefused { get; } = new(
        "proxy-header-refused", FailedParty.Visitor, "A connection began with a PROXY header, and its sender is no trusted proxy.",
        "Name it with --trusted-proxy, if it is one of yours.");

    public static KnownError MemoryFull { get; } = new(
        "memory-full", FailedParty.Server, "What the server may hold for its peers is used up; visitors are told too-busy.",
        "Give it more with --memory-limit.");

    public static KnownError LinesLeftOut { get; } = new(
        "lines-left-out", FailedParty.Server, "More peers than can be logged one by one gave cause for a line within a minute.",
        "Look at the lines before: somebody may be trying names or tokens.");
}
