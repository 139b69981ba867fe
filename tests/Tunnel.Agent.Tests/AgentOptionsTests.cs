namespace Tunnel.Agent.Tests;

public sealed class AgentOptionsTests
{
    private static readonly AgentOptions Sound = new() { Port = 8080 };

    private static readonly Dictionary<string, Func<AgentOptions, AgentOptions>> Faults = new()
    {
        ["--port"] = options => options with { Port = 0 },
        ["--port takes"] = options => options with { Port = 65_536 },
        ["--server"] = options => options with { ServerPort = 0 },
        ["--server takes"] = options => options with { ServerHost = "" },
        ["--local-host"] = options => options with { LocalHost = "" },
        ["--subdomain and --hostname"] = options => options with { Subdomain = "a", Hostname = "b.c" },
        ["--host-header"] = options => options with { HostHeader = "a b" },
        ["--host-header takes"] = options => options with { HostHeader = "" },
        ["--answer-time"] = options => options with { OriginAnswerTime = TimeSpan.Zero },
        ["--answer-time takes"] = options => options with { OriginAnswerTime = TimeSpan.MaxValue },
        ["--grace"] = options => options with { Grace = TimeSpan.FromDays(30) },
    };

    public static TheoryData<string> FaultNames => [.. Faults.Keys];

    [Fact]
    public void Options_WithAPort_AreSound() => Sound.Validate().Should().NotBeNull();

    [Theory]
    [MemberData(nameof(FaultNames))]
    public void Value_OutOfItsRange_IsNamed(string name)
    {
        Func<AgentOptions> validate = () => Faults[name](Sound).Validate();
        validate.Should().Throw<ArgumentException>().WithMessage($"*{name}*");
    }

    [Theory]
    [InlineData("localhost", 8080, "localhost:8080")]
    [InlineData("localhost", 80, "localhost")]
    [InlineData("::1", 8080, "[::1]:8080")]
    [InlineData("[::1]", 80, "[::1]")]
    public void Authority_OfTheOrigin_IsWhatAUrlHas(string host, int port, string authority) =>
        (Sound with { LocalHost = host, Port = port }).OriginAuthority.Should().Be(authority);
}
