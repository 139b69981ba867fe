using System.Net;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server;

/// <summary>Everything the server can be told, with its defaults (docs/operating.md, "The server").</summary>
public sealed record ServerOptions
{
    public const int PreferredHttpPort = 80;
    public const int DefaultAgentPort = 9090;

    /// <summary>Names are <c>subdomain.Domain</c>; lower case, no final dot.</summary>
    public string Domain { get; init; } = "localhost";

    /// <summary>How visitors reach the names, where that is not as this server listens; null: as it listens.</summary>
    public Routing.PublicUrl? PublicUrl { get; init; }

    /// <summary>Null: 80, or what <see cref="ServerHost"/> falls back to. 0: any free one.</summary>
    public int? HttpPort { get; init; }

    public const int PreferredHttpsPort = 443;

    /// <summary>
    /// Null: 443, or what <see cref="ServerHost"/> falls back to, if there is a certificate; none otherwise. 0: any free one.
    /// Without a certificate it serves passthrough names alone.
    /// </summary>
    public int? HttpsPort { get; init; }

    /// <summary>Files with certificate chains; the first is the default. A PFX has its key inside.</summary>
    public IReadOnlyList<string> Certs { get; init; } = [];

    /// <summary>The keys of <see cref="Certs"/>, in the same order; PEM files may hold their own.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>A folder of certificates, chosen by name.</summary>
    public string? CertDir { get; init; }

    /// <summary>Makes a certificate for the domain, for trying out.</summary>
    public bool SelfSigned { get; init; }

    /// <summary>Where the server keeps what it has to find again; null: the system's place.</summary>
    public string? StateDir { get; init; }

    /// <summary>Plain HTTP is answered with 308 to the same address on HTTPS.</summary>
    public bool RedirectsToHttps { get; init; }

    /// <summary>Where visitors find what the code of an error means; null: they are not told.</summary>
    public Edge.ErrorsUrl? ErrorsUrl { get; init; }

    /// <summary>Whoever opens the domain itself is told that a server runs here.</summary>
    public bool HasLandingPage { get; init; } = true;

    /// <summary>How long browsers are to remember that there is HTTPS (RFC 6797); null: they are not told.</summary>
    public TimeSpan? Hsts { get; init; }

    /// <summary>From accept to the end of the TLS handshake, a PROXY header before it included.</summary>
    public TimeSpan TlsHandshakeTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Trusted proxies speak the PROXY protocol: they must begin with a header, and nobody else may.</summary>
    public bool AcceptsProxyProtocol { get; init; }

    /// <summary>Ports for raw TCP tunnels, both ends included; null: there are no such tunnels.</summary>
    public (int First, int Last)? TcpPorts { get; init; }

    /// <summary>0: any free one.</summary>
    public int AgentPort { get; init; } = DefaultAgentPort;

    /// <summary>Null: every address, unless <see cref="LoopbackOnly"/>.</summary>
    public IPAddress? Bind { get; init; }

    /// <summary>127.0.0.1 and ::1 only; what the quickstart uses.</summary>
    public bool LoopbackOnly { get; init; }

    /// <summary>Time for a request head, from its first byte.</summary>
    public TimeSpan HeadTime { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection may stay open between requests, and before its first one.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>How long an upgraded connection, a WebSocket for instance, may be silent in both directions.</summary>
    public TimeSpan UpgradeIdleTime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// From a request that is whole, or of which nothing moves, to the head of its answer. An agent has a limit of its own,
    /// which is shorter and says why; this one does not depend on the agent's good will.
    /// </summary>
    public TimeSpan AnswerTime { get; init; } = TimeSpan.FromSeconds(900);

    /// <summary>How slow a visitor may be.</summary>
    public Forwarding.PaceRule Pace { get; init; } = new();

    /// <summary>Time from connecting to a valid HELLO.</summary>
    public TimeSpan AgentHandshakeTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long running requests have when the server stops.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Another server that says so too may run beside this one on the same ports; Linux only.</summary>
    public bool SharesPorts { get; init; }

    /// <summary>Listening sockets this process was started with; null: none.</summary>
    public Tunnel.Transport.Sockets.InheritedSockets? Inherited { get; init; }

    /// <summary>Another server may listen on the same sockets or ports when this one stops.</summary>
    public bool MayHaveSuccessor => SharesPorts || Inherited is not null;

    /// <summary>How long a request waits for a session of its name; zero: not at all.</summary>
    public TimeSpan Hold { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a name is known after its last session ended.</summary>
    public TimeSpan NameMemory { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Requests that wait for a session, in all.</summary>
    public int MaxHeld { get; init; } = 10_000;

    /// <summary>Bytes that these keep in memory, in all; null: as much as <see cref="MemoryLimit"/> makes of it.</summary>
    public long? MaxHeldBytes { get; init; }

    /// <summary>How long a session without a link waits for its agent; zero: a lost link ends it.</summary>
    public TimeSpan ResumeWindow { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Bytes of a request body; null: no limit.</summary>
    public long? MaxBody { get; init; }

    public int MaxVisitors { get; init; } = 65_536;

    public int MaxVisitorsPerAddress { get; init; } = 4_096;

    /// <summary>Whose word on the visitor counts.</summary>
    public Forwarding.TrustedProxies TrustedProxies { get; init; } = Forwarding.TrustedProxies.None;

    /// <summary>In which fields it counts.</summary>
    public Forwarding.ProxyFields ProxyFields { get; init; }

    /// <summary>File to append the access log to, <c>-</c> for standard output; null: none.</summary>
    public string? AccessLog { get; init; }

    public bool AccessLogIsJson { get; init; }

    public int MaxSessions { get; init; } = 4_096;

    /// <summary>Of one token, or of all local agents together.</summary>
    public int MaxSessionsPerIdentity { get; init; } = 64;

    /// <summary>Links that have not proved themselves yet, in all and per address (loopback excepted).</summary>
    public int MaxUnproved { get; init; } = 1_024;

    public int MaxUnprovedPerAddress { get; init; } = 32;

    /// <summary>Local agents need a token as well.</summary>
    public bool RequireToken { get; init; }

    /// <summary>Agents from elsewhere may come without TLS. Their tokens and all traffic are then open to whoever is on the way.</summary>
    public bool AllowPlaintextAgents { get; init; }

    public int MaxStreamsPerSession { get; init; } = 1_024;

    /// <summary>At most what the protocol allows.</summary>
    public int MaxTunnelsPerSession { get; init; } = Framing.Frames.ProtocolLimits.Tunnels;

    /// <summary>Bytes that may be held for all peers together; null: a part of what this process can get.</summary>
    public long? MemoryLimit { get; init; }

    public HttpLimits Http { get; init; } = HttpLimits.Default;

    /// <summary>The session options each agent gets, before pool, clock and shared memory are filled in.</summary>
    public SessionOptions Session { get; init; } = new();

    /// <exception cref="ArgumentException">A value the server cannot work with; the message names it and says what to do.</exception>
    public ServerOptions Validate()
    {
        if (!Identity.PublicNames.IsHostName(Domain))
        {
            throw new ArgumentException($"--domain: '{Hosting.Printable.Of(Domain)}' is not a domain name; it takes letters, digits, hyphens and dots, like tunnel.example.com.");
        }

        RequirePort(HttpPort ?? 0, "--http-port");
        RequirePort(HttpsPort ?? 0, "--https-port");
        RequirePort(AgentPort, "--agent-port");
        bool hasCertificate = Certs.Count > 0 || CertDir is not null || SelfSigned;
        Require(!RedirectsToHttps || hasCertificate, "--https-redirect needs a certificate: --cert and --key, --cert-dir, or --tls self-signed.");
        Require(Hsts is null || hasCertificate, "--hsts needs a certificate: --cert and --key, --cert-dir, or --tls self-signed.");
        Require(Hsts is null || (Hsts >= TimeSpan.Zero && Hsts <= TimeSpan.FromDays(3650)), "--hsts takes a number of seconds, up to ten years.");
        Require(
            !AcceptsProxyProtocol || !TrustedProxies.IsEmpty,
            "--accept-proxy-protocol needs --trusted-proxy: the addresses of the load balancers that send the header.");
        Require(
            TcpPorts is not { } range || (range.First >= 1 && range.First <= range.Last && range.Last <= 65_535),
            "--tcp-ports takes a range of ports like 20000-20999.");
        RequireTime(TlsHandshakeTime, "the TLS handshake time");
        RequireTime(HeadTime, "--head-time");
        RequireTime(IdleTime, "--idle-time");
        RequireTime(UpgradeIdleTime, "--upgrade-idle-time");
        RequireTime(AnswerTime, "--answer-time");
        RequireTime(AgentHandshakeTime, "--agent-handshake-time");
        RequirePace();
        if (SharesPorts && !OperatingSystem.IsLinux())
        {
            throw new ArgumentException("--reuse-port works on Linux only; elsewhere a service manager can hand the listening sockets over (LISTEN_FDS).");
        }

        RequireTimeOrNone(Grace, "--grace");
        RequireTimeOrNone(Hold, "--hold");
        RequireTimeOrNone(ResumeWindow, "--resume-window");

        RequireAtLeast(MaxVisitors, "--max-connections");
        RequireAtLeast(MaxVisitorsPerAddress, "--max-connections-per-address");
        RequireAtLeast(MaxSessions, "--max-sessions");
        RequireAtLeast(MaxSessionsPerIdentity, "--max-sessions-per-token");
        RequireAtLeast(MaxUnproved, "--max-handshakes");
        RequireAtLeast(MaxUnprovedPerAddress, "--max-handshakes-per-address");
        RequireRange(MaxTunnelsPerSession, 1, Framing.Frames.ProtocolLimits.Tunnels, "--max-tunnels");
        RequireRange(Http.MaxStartLineBytes, 256, 1024 * 1024, "--max-request-line");
        RequireRange(Http.MaxHeadBytes, Math.Max(512, Http.MaxStartLineBytes), 4 * 1024 * 1024, "--max-head");
        RequireRange(Http.MaxFields, 1, 10_000, "--max-fields");
        RequireAtLeast(MaxStreamsPerSession, "--max-streams");
        RequireAtLeast(MaxHeld, "--max-held");
        if (MaxStreamsPerSession > 2048)
        {
            throw new ArgumentException("--max-streams is at most 2048: every stream has 32 KiB of the session's 64 MiB for sure.");
        }

        Hosting.MemoryPlan.Of(MemoryLimit);
        if (MaxBody < 0)
        {
            throw new ArgumentException("--max-body is a number of bytes, 0 or more.");
        }

        Http.Validate();
        return this;
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message);
        }
    }

    private static void RequirePort(int port, string option)
    {
        if (port is < 0 or > 65_535)
        {
            throw new ArgumentException($"{option} takes a port from 1 to 65535, or 0 for any free one.");
        }
    }

    private void RequirePace()
    {
        RequireAtLeast(Pace.LeastRate, "--least-rate");
        RequireTime(Pace.Grace, "--slow-grace");
        RequireTime(Pace.StallTime, "--stall-time");
        if (Pace.StallTime < Pace.Grace)
        {
            throw new ArgumentException("--stall-time is at least --slow-grace: nobody who was fast is treated worse than a newcomer.");
        }
    }

    private static void RequireRange(int number, int least, int most, string option)
    {
        if (number < least || number > most)
        {
            throw new ArgumentException($"{option} takes a number from {least} to {most}.");
        }
    }

    private static void RequireTime(TimeSpan time, string option)
    {
        if (time <= TimeSpan.Zero || time > TimeSpan.FromDays(1))
        {
            throw new ArgumentException($"{option} takes a number of seconds, above 0 and up to a day.");
        }
    }

    private static void RequireTimeOrNone(TimeSpan time, string option)
    {
        if (time < TimeSpan.Zero || time > TimeSpan.FromDays(1))
        {
            throw new ArgumentException($"{option} takes a number of seconds, up to a day.");
        }
    }

    private static void RequireAtLeast(int number, string option)
    {
        if (number < 1)
        {
            throw new ArgumentException($"{option} takes a number, 1 or more.");
        }
    }
}
