namespace Tunnel.Server.Tests;

public sealed class ServerOptionsTests
{
    private static readonly Dictionary<string, Func<ServerOptions, ServerOptions>> Faults = new()
    {
        ["is not a domain name"] = options => options with { Domain = "not a domain" },
        ["--http-port"] = options => options with { HttpPort = 65_536 },
        ["--agent-port"] = options => options with { AgentPort = -1 },
        ["--head-time"] = options => options with { HeadTime = TimeSpan.Zero },
        ["--idle-time"] = options => options with { IdleTime = TimeSpan.FromDays(2) },
        ["--grace"] = options => options with { Grace = TimeSpan.FromDays(50) },
        ["--max-connections "] = options => options with { MaxVisitors = 0 },
        ["--max-connections-per-address"] = options => options with { MaxVisitorsPerAddress = 0 },
        ["--max-sessions"] = options => options with { MaxSessions = 0 },
        ["--max-streams"] = options => options with { MaxStreamsPerSession = 0 },
        ["at most 2048"] = options => options with { MaxStreamsPerSession = 2049 },
        ["--max-body"] = options => options with { MaxBody = -1 },
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
