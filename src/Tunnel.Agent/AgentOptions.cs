using Tunnel.Agent.Link;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting.Secrets;
using Tunnel.Http.Heads;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent;

/// <summary>Everything the agent can be told, with its defaults (docs/operating.md, "The agent").</summary>
public sealed record AgentOptions
{
    public const int DefaultServerPort = 9090;

    /// <summary>Beyond this a time is a slip of the finger, and timers have a limit as well.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    public string ServerHost { get; init; } = "localhost";

    public int ServerPort { get; init; } = DefaultServerPort;

    /// <summary>Who this agent is, and which server it means; null: a local agent.</summary>
    public AgentToken? Token { get; init; }

    /// <summary>PEM file of the authorities to trust instead of the token's pin or the system's; null: those.</summary>
    public string? CaFile { get; init; }

    /// <summary>No TLS, wherever the server is. Whoever is on the way can then read and change everything.</summary>
    public bool Plaintext { get; init; }

    /// <summary>Whom the server lets through to this tunnel; null: everybody.</summary>
    public TunnelGuard? Guard { get; init; }

    /// <summary>The proxy to go through; null: none.</summary>
    public HttpProxy? Proxy { get; init; }

    /// <summary>The label wanted below the server's domain; null: the server chooses, unless <see cref="Hostname"/> says.</summary>
    public string? Subdomain { get; init; }

    /// <summary>A whole name of one's own.</summary>
    public string? Hostname { get; init; }

    /// <summary>What the tunnel carries: one of <see cref="TunnelTypes"/>.</summary>
    public string Protocol { get; init; } = TunnelTypes.Http;

    /// <summary>The public port wanted for a TCP tunnel; null: the server chooses.</summary>
    public int? RemotePort { get; init; }

    /// <summary>The origin speaks TLS.</summary>
    public bool LocalHttps { get; init; }

    /// <summary>File with the authorities, in PEM form, that vouch for the origin; null: those of the system.</summary>
    public string? LocalCa { get; init; }

    /// <summary>Whatever certificate the origin shows is taken.</summary>
    public bool LocalInsecure { get; init; }

    /// <summary>Path of a Unix socket; the origin is there instead of at <see cref="LocalHost"/>.</summary>
    public string? LocalSocket { get; init; }

    /// <summary>The origin is told of the visitor by a PROXY protocol header, version 2.</summary>
    public bool SendsProxyProtocol { get; init; }

    /// <summary>The origin's port; required unless there is a <see cref="LocalSocket"/>.</summary>
    public int Port { get; init; }

    public string LocalHost { get; init; } = "localhost";

    /// <summary><c>preserve</c>, <c>origin</c>, or the value the origin gets as Host.</summary>
    public string HostHeader { get; init; } = "preserve";

    /// <summary>Whether the origin sees <c>Via</c>.</summary>
    public bool Via { get; init; } = true;

    /// <summary>Browsers that open a page while this agent is away see that they wait.</summary>
    public bool WaitingPage { get; init; }

    public TimeSpan OriginConnectTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time from the request to the head of the origin's answer.</summary>
    public TimeSpan OriginAnswerTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long an answer that has begun may pause; event streams, upgraded and raw connections may for ever.</summary>
    public TimeSpan AnswerIdleTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Time to reach the server and be answered.</summary>
    public TimeSpan ServerConnectTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long running requests have when the agent stops.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Sessions kept side by side, each with a link of its own.</summary>
    public int Links { get; init; } = 1;

    /// <summary>Other agents that say the same may serve the name beside this one.</summary>
    public bool Pool { get; init; }

    /// <summary>Where the agent instance is kept from one start to the next; null: nowhere.</summary>
    public string? StateFolder { get; init; }

    /// <summary>Whether changes of the network, and sleep, make the agent ask its links at once.</summary>
    public bool WatchesNetwork { get; init; } = true;

    public HttpLimits Http { get; init; } = HttpLimits.Default;

    /// <summary>Bytes that may be held for all peers together; null: a part of what this process can get.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>The session's options, before pool and clock are filled in.</summary>
    public SessionOptions Session { get; init; } = new();

    /// <summary>The origin as a person reads it.</summary>
    public string OriginText
    {
        get
        {
            string at = LocalSocket is { } path ? $"unix:{path}" : OriginAuthority;
            return (Protocol, LocalHttps) switch
            {
                (_, true) => $"https://{at}",
                (TunnelTypes.Http, _) when LocalSocket is null => $"http://{at}",
                _ => at,
            };
        }
    }

    /// <summary>The origin as a URL or a Host field names it.</summary>
    public string OriginAuthority
    {
        get
        {
            string host = LocalHost.Contains(':', StringComparison.Ordinal) && LocalHost[0] != '[' ? $"[{LocalHost}]" : LocalHost;
            return Port == (LocalHttps ? 443 : 80) || LocalSocket is not null ? host : $"{host}:{Port}";
        }
    }

    /// <summary>What makes two starts the same agent: the server, and the name asked for or, without one, the origin.</summary>
    internal string TunnelKey => $"{ServerHost}:{ServerPort}/{Hostname ?? Subdomain ?? OriginAuthority}";

    /// <exception cref="ArgumentException">A value the agent cannot work with; the message names it and says what to do.</exception>
    public AgentOptions Validate()
    {
        Require(LocalSocket is not null || Port is > 0 and <= 65_535, "--port takes the port of your local server, from 1 to 65535.");
        ValidateTunnel();
        Require(ServerPort is > 0 and <= 65_535, "--server takes HOST or HOST:PORT, with a port from 1 to 65535.");
        Require(ServerHost.Length > 0, "--server takes HOST or HOST:PORT.");
        Require(
            LocalHost.Length is > 0 and <= 255 && LocalHost.All(c => c is > ' ' and < (char)0x7F && c is not ('/' or '@')),
            "--local-host takes a host name or an address, without scheme and port.");
        Require(CaFile is null || !Plaintext, "--ca and --plaintext exclude each other; give one of them.");
        Require(Subdomain is null || Hostname is null, "--subdomain and --hostname exclude each other; give one of them.");
        Require(
            HostHeader.Length is > 0 and <= 255 && HostHeader.All(c => c is > ' ' and < (char)0x7F),
            "--host-header takes preserve, origin, or a host name.");
        Require(
            OriginAnswerTime > TimeSpan.Zero && OriginAnswerTime <= Longest,
            "--answer-time takes a number of seconds, above 0 and up to a week.");
        Require(
            AnswerIdleTime > TimeSpan.Zero && AnswerIdleTime <= Longest,
            "--answer-idle-time takes a number of seconds, above 0 and up to a week.");
        Require(Grace >= TimeSpan.Zero && Grace <= TimeSpan.FromDays(1), "--grace takes a number of seconds, up to a day.");
        Require(Links is >= 1 and <= ProtocolLimits.Links, $"--links takes a number from 1 to {ProtocolLimits.Links}.");
        Hosting.MemoryPlan.Of(MemoryLimit);
        Http.Validate();
        return this;
    }

    private void ValidateTunnel()
    {
        bool isTcp = Protocol == TunnelTypes.Tcp;
        Require(Protocol is TunnelTypes.Http or TunnelTypes.Tls or TunnelTypes.Tcp, "--protocol takes http, tls or tcp.");
        Require(RemotePort is null or (> 0 and <= 65_535), "--remote-port takes a port from 1 to 65535.");
        Require(RemotePort is null || isTcp, "--remote-port is for --protocol tcp; the other protocols share the ports of the server.");
        Require(!isTcp || (Subdomain is null && Hostname is null), "--protocol tcp has no name of its own, so it takes no --subdomain or --hostname; --remote-port asks for a port.");
        Require(
            !SendsProxyProtocol || Protocol != TunnelTypes.Http,
            "--send-proxy-protocol is for --protocol tcp and tls; over HTTP your local server finds the visitor in X-Forwarded-For and Forwarded.");
        Require(
            Protocol == TunnelTypes.Http || Guard?.Users is null,
            "--basic-auth-file is for --protocol http; over the others nobody can be asked for a password. --allow and --deny work with all.");
        Require(!WaitingPage || Protocol == TunnelTypes.Http, "--waiting-page is for --protocol http; over the others there are no pages.");
        Require(!LocalHttps || Protocol != TunnelTypes.Tls, "--local-https is not for --protocol tls: there the visitor's own TLS goes on to your local server.");
        Require(LocalHttps || (LocalCa is null && !LocalInsecure), "--local-ca and --local-insecure are about --local-https; give that too.");
        Require(LocalCa is null || !LocalInsecure, "--local-ca and --local-insecure exclude each other; give one of them.");
        Require(LocalSocket is null || UnixDialer.CanDial(LocalSocket), "--local-socket takes the path of a Unix socket, and the system takes no longer ones than about 100 bytes.");
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message);
        }
    }
}
