
namespace Tunnel.Server.Tests;

public sealed class ServerOptionsTests
{
    private static readonly Dictionary<string, Func<ServerOptions, ServerOptions>> Faults = new()
    {
        ["is not a domain name"] = options => options with { Domain = "not a domain" },
        ["--http-port"] = options => options with { Listen = options.Listen with { HttpPort = 65_536 } },
        ["--https-port"] = options => options with { Listen = options.Listen with { HttpsPort = 65_536 } },
        ["--https-redirect needs"] = options => options with { Tls = options.Tls with { RedirectsToHttps = true } },
        ["--hsts needs"] = options => options with { Tls = options.Tls with { Hsts = TimeSpan.FromDays(1) } },
        ["--hsts takes"] = options => options with { Tls = options.Tls with { SelfSigned = true, Hsts = TimeSpan.FromDays(40_000) } },
        ["--accept-proxy-protocol needs --trusted-proxy"] = options => options with { Front = options.Front with { AcceptsProxyProtocol = true } },
        ["--tcp-ports"] = options => options with { Listen = options.Listen with { TcpPorts = (3, 2) } },
        ["--agent-port"] = options => options with { Listen = options.Listen with { AgentPort = -1 } },
        ["--head-time"] = options => options with { Visitors = options.Visitors with { HeadTime = TimeSpan.Zero } },
        ["--idle-time"] = options => options with { Visitors = options.Visitors with { IdleTime = TimeSpan.FromDays(2) } },
        ["--grace"] = options => options with { Grace = TimeSpan.FromDays(50) },
        ["--max-connections "] = options => options with { Visitors = options.Visitors with { MaxConnections = 0 } },
        ["--max-connections-per-address"] = options => options with { Visitors = options.Visitors with { MaxConnectionsPerAddress = 0 } },
        ["--max-sessions-per-token"] = options => options with { Agents = options.Agents with { MaxSessionsPerIdentity = 0 } },
        ["--max-sessions"] = options => options with { Agents = options.Agents with { MaxSessions = 0 } },
        ["--max-streams"] = options => options with { Agents = options.Agents with { MaxStreamsPerSession = 0 } },
        ["at most 2048"] = options => options with { Agents = options.Agents with { MaxStreamsPerSession = 2049 } },
        ["--upgrade-idle-time"] = options => options with { Visitors = options.Visitors with { UpgradeIdleTime = TimeSpan.Zero } },
        ["--answer-time"] = options => options with { Visitors = options.Visitors with { AnswerTime = TimeSpan.Zero } },
        ["--agent-handshake-time"] = options => options with { Agents = options.Agents with { HandshakeTime = TimeSpan.Zero } },
        ["--least-rate"] = options => options with { Visitors = options.Visitors with { Pace = new() { LeastRate = 0 } } },
        ["--slow-grace"] = options => options with { Visitors = options.Visitors with { Pace = new() { Grace = TimeSpan.Zero } } },
        ["--stall-time"] = options => options with { Visitors = options.Visitors with { Pace = new() { StallTime = TimeSpan.FromSeconds(4) } } },
        ["--max-request-line"] = options => options with { Http = new() { MaxStartLineBytes = 100 } },
        ["--max-head"] = options => options with { Http = new() { MaxHeadBytes = 4096 } },
        ["--max-fields"] = options => options with { Http = new() { MaxFields = 0 } },
        ["--max-tunnels"] = options => options with { Agents = options.Agents with { MaxTunnelsPerSession = 65 } },
        ["--max-handshakes takes"] = options => options with { Agents = options.Agents with { MaxUnproved = 0 } },
        ["--max-handshakes-per-address"] = options => options with { Agents = options.Agents with { MaxUnprovedPerAddress = 0 } },
        ["--max-body"] = options => options with { Visitors = options.Visitors with { MaxBody = -1 } },
    };

    public static TheoryData<string> FaultNames => [.. Faults.Keys];

    [Fact]
    public void Defaults_AreSound() => new ServerOptions().Validate().Should().NotBeNull();

    [Fact]
    public void Grace_OfNothing_IsSound() => new ServerOptions { Grace = TimeSpan.Zero }.Validate().Should().NotBeNull();

    [Theory]
    [MemberData(nameof(FaultNames))]
    public void Value_OutOfItsRange_IsNamed(string name)
    {
        Func<ServerOptions> validate = () => Faults[name](new ServerOptions()).Validate();
        validate.Should().Throw<ArgumentException>().WithMessage($"*{name}*");
    }
}
