using Tunnel.Framing.Frames;

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
        ["--answer-idle-time"] = options => options with { AnswerIdleTime = TimeSpan.Zero },
        ["--answer-idle-time takes"] = options => options with { AnswerIdleTime = TimeSpan.MaxValue },
        ["--protocol takes"] = options => options with { Protocol = "udp" },
        ["--remote-port takes"] = options => options with { Protocol = "tcp", RemotePort = 0 },
        ["--remote-port is for --protocol tcp"] = options => options with { RemotePort = 20_000 },
        ["--protocol tcp has no name"] = options => options with { Protocol = "tcp", Subdomain = "demo" },
        ["--basic-auth-file is for --protocol http"] = options => options with { Protocol = "tls", Guard = new TunnelGuard { Users = ["a:b"] } },
        ["--waiting-page is for"] = options => options with { WaitingPage = true, Protocol = "tcp" },
        ["--send-proxy-protocol is for"] = options => options with { SendsProxyProtocol = true },
        ["--local-https is not for --protocol tls"] = options => options with { Protocol = "tls", LocalHttps = true },
        ["--local-ca and --local-insecure are about"] = options => options with { LocalInsecure = true },
        ["--local-ca and --local-insecure exclude"] = options => options with { LocalHttps = true, LocalCa = "a", LocalInsecure = true },
        ["--local-socket"] = options => options with { LocalSocket = "" },
        ["--local-socket takes"] = options => options with { LocalSocket = "/tmp/" + new string('a', 200) },
        ["--local-host takes"] = options => options with { LocalHost = new string('a', 300) },
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
    [InlineData("http", false, null, "http://localhost:8080")]
    [InlineData("http", true, null, "https://localhost:8080")]
    [InlineData("tls", false, null, "localhost:8080")]
    [InlineData("tcp", false, null, "localhost:8080")]
    [InlineData("http", false, "/run/app.sock", "unix:/run/app.sock")]
    public void Text_OfTheOrigin_SaysHowItIsReached(string protocol, bool isTls, string? socket, string text) =>
        (Sound with { Protocol = protocol, LocalHttps = isTls, LocalSocket = socket }).Validate().OriginText.Should().Be(text);

    [Theory]
    [InlineData("localhost", 8080, "localhost:8080")]
    [InlineData("localhost", 80, "localhost")]
    [InlineData("::1", 8080, "[::1]:8080")]
    [InlineData("[::1]", 80, "[::1]")]
    public void Authority_OfTheOrigin_IsWhatAUrlHas(string host, int port, string authority) =>
        (Sound with { LocalHost = host, Port = port }).OriginAuthority.Should().Be(authority);
}
