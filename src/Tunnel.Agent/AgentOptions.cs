using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;

namespace Tunnel.Agent;

/// <summary>Everything the agent can be told, with its defaults (DESIGN sections 8 and 9).</summary>
public sealed record AgentOptions
{
    public const int DefaultServerPort = 9090;

    /// <summary>Beyond this a time is a slip of the finger, and timers have a limit as well.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    public string ServerHost { get; init; } = "localhost";

    public int ServerPort { get; init; } = DefaultServerPort;

    /// <summary>The label wanted below the server's domain; null: the server chooses, unless <see cref="Hostname"/> says.</summary>
    public string? Subdomain { get; init; }

    /// <summary>A whole name of one's own.</summary>
    public string? Hostname { get; init; }

    /// <summary>The origin's port; required.</summary>
    public int Port { get; init; }

    public string LocalHost { get; init; } = "localhost";

    /// <summary><c>preserve</c>, <c>origin</c>, or the value the origin gets as Host.</summary>
    public string HostHeader { get; init; } = "preserve";

    /// <summary>Whether the origin sees <c>Via</c>.</summary>
    public bool Via { get; init; } = true;

    public TimeSpan OriginConnectTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time from the request to the head of the origin's answer.</summary>
    public TimeSpan OriginAnswerTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Time to reach the server and be answered.</summary>
    public TimeSpan ServerConnectTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long running requests have when the agent stops.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    public HttpLimits Http { get; init; } = HttpLimits.Default;

    /// <summary>The session's options, before pool and clock are filled in.</summary>
    public SessionOptions Session { get; init; } = new();

    /// <summary>The origin as a URL or a Host field names it.</summary>
    public string OriginAuthority
    {
        get
        {
            string host = LocalHost.Contains(':', StringComparison.Ordinal) && LocalHost[0] != '[' ? $"[{LocalHost}]" : LocalHost;
            return Port == 80 ? host : $"{host}:{Port}";
        }
    }

    /// <exception cref="ArgumentException">A value the agent cannot work with; the message names it and says what to do.</exception>
    public AgentOptions Validate()
    {
        Require(Port is > 0 and <= 65_535, "--port takes the port of your local server, from 1 to 65535.");
        Require(ServerPort is > 0 and <= 65_535, "--server takes HOST or HOST:PORT, with a port from 1 to 65535.");
        Require(ServerHost.Length > 0, "--server takes HOST or HOST:PORT.");
        Require(LocalHost.Length > 0, "--local-host takes a host name or an address.");
        Require(Subdomain is null || Hostname is null, "--subdomain and --hostname exclude each other; give one of them.");
        Require(
            HostHeader.Length is > 0 and <= 255 && HostHeader.All(c => c is > ' ' and < (char)0x7F),
            "--host-header takes preserve, origin, or a host name.");
        Require(
            OriginAnswerTime > TimeSpan.Zero && OriginAnswerTime <= Longest,
            "--answer-time takes a number of seconds, above 0 and up to a week.");
        Require(Grace >= TimeSpan.Zero && Grace <= TimeSpan.FromDays(1), "--grace takes a number of seconds, up to a day.");
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
}
