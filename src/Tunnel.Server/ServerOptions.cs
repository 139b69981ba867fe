using Tunnel.Framing.Sessions;
using Tunnel.Hosting.Options;
using Tunnel.Http.Heads;

namespace Tunnel.Server;

/// <summary>Everything the server can be told, with its defaults (docs/operating.md, "The server").</summary>
public sealed record ServerOptions
{
    public const int PreferredHttpPort = 80;
    public const int DefaultAgentPort = 9090;

    /// <summary>Names are <c>subdomain.Domain</c>; lower case, no final dot.</summary>
    public string Domain { get; init; } = "localhost";

    public const int PreferredHttpsPort = 443;

    /// <summary>The settings file that was asked for; null: the system's place, if there is one.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>Where the server keeps what it has to find again; null: the system's place.</summary>
    public string? StateDir { get; init; }

    /// <summary>How long running requests have when the server stops.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    public Edge.ListenOptions Listen { get; init; } = new();

    public Certificates.TlsOptions Tls { get; init; } = new();

    public Certificates.Acme.AcmeOptions Acme { get; init; } = new();

    public Forwarding.FrontOptions Front { get; init; } = new();

    public Forwarding.VisitorOptions Visitors { get; init; } = new();

    public Identity.AgentsOptions Agents { get; init; } = new();

    public Routing.WaitingOptions Waiting { get; init; } = new();

    public Forwarding.PageOptions Pages { get; init; } = new();

    public Diagnostics.AccessLogOptions AccessLog { get; init; } = new();

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
            Front.PublicUrl is null || Front.PublicUrl.Host.Equals(Domain, StringComparison.OrdinalIgnoreCase),
            $"--public-url: tunnels are names below {Domain} (--domain), so it takes {Front.PublicUrl?.Scheme}://{Domain}, with a port if need be.");
        bool hasCertificate = Tls.Certs.Count > 0 || Tls.CertDir is not null || Tls.SelfSigned || Acme.IsOn;
        faults.Require(!Tls.RedirectsToHttps || hasCertificate, "--https-redirect needs a certificate: --acme, --cert and --key, --cert-dir, or --tls self-signed.");
        faults.Require(Tls.Hsts is null || hasCertificate, "--hsts needs a certificate: --acme, --cert and --key, --cert-dir, or --tls self-signed.");
        faults.Require(
            !Front.AcceptsProxyProtocol || !Front.TrustedProxies.IsEmpty,
            "--accept-proxy-protocol needs --trusted-proxy: the addresses of the load balancers that send the header.");
        faults.Require(
            Listen.TcpPorts is not { } range || (range.First >= 1 && range.First <= range.Last && range.Last <= 65_535),
            "--tcp-ports takes a range of ports like 20000-20999.");
        faults.Require(Tls.HandshakeTime > TimeSpan.Zero && Tls.HandshakeTime <= TimeSpan.FromDays(1), "The TLS handshake time is above 0 and up to a day.");
        faults.Require(Visitors.Pace.StallTime >= Visitors.Pace.Grace, "--stall-time is at least --slow-grace: nobody who was fast is treated worse than a newcomer.");
        faults.Require(
            !Listen.SharesPorts || OperatingSystem.IsLinux(),
            "--reuse-port works on Linux only; elsewhere a service manager can hand the listening sockets over (LISTEN_FDS).");
        faults.Require(Http.MaxHeadBytes >= Http.MaxStartLineBytes, "--max-head is at least --max-request-line: the line is a part of the head.");
        Acme.Check(faults, Tls, Domain);
        faults.ThrowIfAny();
        Hosting.MemoryPlan.Of(MemoryLimit);
        Http.Validate();
        return this;
    }
}
