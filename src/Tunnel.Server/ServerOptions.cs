using System.Net;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;

namespace Tunnel.Server;

/// <summary>Everything the server can be told, with its defaults (DESIGN sections 8 and 9).</summary>
public sealed record ServerOptions
{
    public const int PreferredHttpPort = 80;

    /// <summary>Names are <c>subdomain.Domain</c>; lower case, no final dot.</summary>
    public string Domain { get; init; } = "localhost";

    /// <summary>Null: 80, or what <see cref="ServerHost"/> falls back to. 0: any free one.</summary>
    public int? HttpPort { get; init; }

    /// <summary>0: any free one.</summary>
    public int AgentPort { get; init; } = 9090;

    /// <summary>Null: every address, unless <see cref="LoopbackOnly"/>.</summary>
    public IPAddress? Bind { get; init; }

    /// <summary>127.0.0.1 and ::1 only; what the quickstart uses.</summary>
    public bool LoopbackOnly { get; init; }

    /// <summary>Time for a request head, from its first byte.</summary>
    public TimeSpan HeadTime { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection may stay open between requests, and before its first one.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>Time from connecting to a valid HELLO.</summary>
    public TimeSpan AgentHandshakeTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long running requests have when the server stops.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a name is remembered after its last session ended.</summary>
    public TimeSpan NameMemory { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Bytes of a request body; null: no limit.</summary>
    public long? MaxBody { get; init; }

    public int MaxVisitors { get; init; } = 65_536;

    public int MaxVisitorsPerAddress { get; init; } = 4_096;

    /// <summary>Whose word on the visitor counts.</summary>
    public Edge.TrustedProxies TrustedProxies { get; init; } = Edge.TrustedProxies.None;

    /// <summary>File to append the access log to, <c>-</c> for standard output; null: none.</summary>
    public string? AccessLog { get; init; }

    public bool AccessLogIsJson { get; init; }

    public int MaxSessions { get; init; } = 4_096;

    /// <summary>Links that have not proved themselves yet, in all and per address (loopback excepted).</summary>
    public int MaxUnproved { get; init; } = 1_024;

    public int MaxUnprovedPerAddress { get; init; } = 32;

    public int MaxStreamsPerSession { get; init; } = 1_024;

    /// <summary>Bytes all sessions share for windows beyond their reserves.</summary>
    public long SharedWindowMemory { get; init; } = 512L * 1024 * 1024;

    public HttpLimits Http { get; init; } = HttpLimits.Default;

    /// <summary>The session options each agent gets, before pool, clock and shared memory are filled in.</summary>
    public SessionOptions Session { get; init; } = new();

    /// <exception cref="ArgumentException">A value the server cannot work with; the message names it and says what to do.</exception>
    public ServerOptions Validate()
    {
        if (!Routing.PublicNames.IsHostName(Domain))
        {
            throw new ArgumentException($"--domain: '{Hosting.Printable.Of(Domain)}' is not a domain name; it takes letters, digits, hyphens and dots, like tunnel.example.com.");
        }

        RequirePort(HttpPort ?? 0, "--http-port");
        RequirePort(AgentPort, "--agent-port");
        RequireTime(HeadTime, "--head-time");
        RequireTime(IdleTime, "--idle-time");
        RequireTime(AgentHandshakeTime, "the agent handshake time");
        if (Grace != TimeSpan.Zero)
        {
            RequireTime(Grace, "--grace");
        }

        RequireAtLeast(MaxVisitors, "--max-connections");
        RequireAtLeast(MaxVisitorsPerAddress, "--max-connections-per-address");
        RequireAtLeast(MaxSessions, "--max-sessions");
        RequireAtLeast(MaxStreamsPerSession, "--max-streams");
        if (MaxStreamsPerSession > 2048)
        {
            throw new ArgumentException("--max-streams is at most 2048: every stream has 32 KiB of the session's 64 MiB for sure.");
        }

        if (MaxBody < 0)
        {
            throw new ArgumentException("--max-body is a number of bytes, 0 or more.");
        }

        Http.Validate();
        return this;
    }

    private static void RequirePort(int port, string option)
    {
        if (port is < 0 or > 65_535)
        {
            throw new ArgumentException($"{option} takes a port from 1 to 65535, or 0 for any free one.");
        }
    }

    private static void RequireTime(TimeSpan time, string option)
    {
        if (time <= TimeSpan.Zero || time > TimeSpan.FromDays(1))
        {
            throw new ArgumentException($"{option} takes a number of seconds, above 0 and up to a day.");
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
