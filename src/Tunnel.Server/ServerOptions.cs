using System.Net;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting.Options;
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

    public LogOptions Log { get; init; } = new();

    /// <summary>The session options each agent gets, before pool, clock and shared memory are filled in.</summary>
    public SessionOptions Session { get; init; } = new();

    /// <exception cref="OptionException">Values the server cannot work with; each sentence names one and says what to do.</exception>
    public ServerOptions Validate()
    {
        var faults = new OptionFaults();
        faults.Check(ServerDeclarations.All, this);
        faults.Require(
            Identity.PublicNames.IsHostName(Domain),
            $"--domain: '{Hosting.Printable.Of(Domain)}' is not a domain name; it takes letters, digits, hyphens and dots, like tunnel.example.com.");
        faults.Require(
            PublicUrl is null || PublicUrl.Host.Equals(Domain, StringComparison.OrdinalIgnoreCase),
            $"--public-url: tunnels are names below {Domain} (--domain), so it takes {PublicUrl?.Scheme}://{Domain}, with a port if need be.");
        bool hasCertificate = Certs.Count > 0 || CertDir is not null || SelfSigned;
        faults.Require(!RedirectsToHttps || hasCertificate, "--https-redirect needs a certificate: --cert and --key, --cert-dir, or --tls self-signed.");
        faults.Require(Hsts is null || hasCertificate, "--hsts needs a certificate: --cert and --key, --cert-dir, or --tls self-signed.");
        faults.Require(
            !AcceptsProxyProtocol || !TrustedProxies.IsEmpty,
            "--accept-proxy-protocol needs --trusted-proxy: the addresses of the load balancers that send the header.");
        faults.Require(
            TcpPorts is not { } range || (range.First >= 1 && range.First <= range.Last && range.Last <= 65_535),
            "--tcp-ports takes a range of ports like 20000-20999.");
        faults.Require(TlsHandshakeTime > TimeSpan.Zero && TlsHandshakeTime <= TimeSpan.FromDays(1), "The TLS handshake time is above 0 and up to a day.");
        faults.Require(Pace.StallTime >= Pace.Grace, "--stall-time is at least --slow-grace: nobody who was fast is treated worse than a newcomer.");
        faults.Require(
            !SharesPorts || OperatingSystem.IsLinux(),
            "--reuse-port works on Linux only; elsewhere a service manager can hand the listening sockets over (LISTEN_FDS).");
        faults.Require(Http.MaxHeadBytes >= Http.MaxStartLineBytes, "--max-head is at least --max-request-line: the line is a part of the head.");
        faults.ThrowIfAny();
        Hosting.MemoryPlan.Of(MemoryLimit);
        Http.Validate();
        return this;
    }
}
