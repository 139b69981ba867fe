using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Integration.Tests.Pair;

namespace Tunnel.Agent.Tests;

public sealed class AgentOptionsTests
{
    private static readonly AgentOptions Sound = new() { Tunnels = [new TunnelOptions { Origin = new OriginOptions { Port = 8080 } }] };

    private static readonly Dictionary<string, Func<AgentOptions, AgentOptions>> Faults = new()
    {
        ["--port"] = options => options.Origin(origin => origin with { Port = 0 }),
        ["--port takes"] = options => options.Origin(origin => origin with { Port = 65_536 }),
        ["--server"] = options => options.Link(link => link with { Port = 0 }),
        ["--server takes"] = options => options.Link(link => link with { Host = "" }),
        ["--local-host"] = options => options.Origin(origin => origin with { Host = "" }),
        ["--subdomain and --hostname"] = options => options.Tunnel(tunnel => tunnel with { Subdomain = "a", Hostname = "b.c" }),
        ["--host-header"] = options => options.Tunnel(tunnel => tunnel with { HostHeader = "a b" }),
        ["--host-header takes"] = options => options.Tunnel(tunnel => tunnel with { HostHeader = "" }),
        ["--answer-time"] = options => options.Origin(origin => origin with { AnswerTime = TimeSpan.Zero }),
        ["--answer-time takes"] = options => options.Origin(origin => origin with { AnswerTime = TimeSpan.MaxValue }),
        ["--answer-idle-time"] = options => options.Origin(origin => origin with { AnswerIdleTime = TimeSpan.Zero }),
        ["--answer-idle-time takes"] = options => options.Origin(origin => origin with { AnswerIdleTime = TimeSpan.MaxValue }),
        ["--protocol takes"] = options => options.Tunnel(tunnel => tunnel with { Protocol = "udp" }),
        ["--remote-port takes"] = options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", RemotePort = 0 }),
        ["--remote-port is for --protocol tcp"] = options => options.Tunnel(tunnel => tunnel with { RemotePort = 20_000 }),
        ["--protocol tcp has no name"] = options => options.Tunnel(tunnel => tunnel with { Protocol = "tcp", Subdomain = "demo" }),
        ["--basic-auth-file is for --protocol http"] = options => options.Tunnel(tunnel => tunnel with { Protocol = "tls", Guard = new TunnelGuard { Users = ["a:b"] } }),
        ["--waiting-page is for --protocol http"] = options => options.Tunnel(tunnel => tunnel with { Protocol = "tls", HasWaitingPage = true }),
        ["--send-proxy-protocol is for"] = options => options.Origin(origin => origin with { SendsProxyProtocol = true }),
        ["--local-https is not for --protocol tls"] = options => options.Tunnel(tunnel => tunnel with { Protocol = "tls" }).Origin(origin => origin with { IsHttps = true }),
        ["--local-ca and --local-insecure are about"] = options => options.Origin(origin => origin with { IsUnchecked = true }),
        ["--local-ca and --local-insecure exclude"] = options => options.Origin(origin => origin with { IsHttps = true, CaFile = "a", IsUnchecked = true }),
        ["--local-socket"] = options => options.Origin(origin => origin with { Socket = "" }),
        ["--local-socket takes"] = options => options.Origin(origin => origin with { Socket = "/tmp/" + new string('a', 200) }),
        ["--local-host takes"] = options => options.Origin(origin => origin with { Host = new string('a', 300) }),
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
        (Sound.Tunnel(tunnel => tunnel with { Protocol = protocol }).Origin(origin => origin with { IsHttps = isTls, Socket = socket })).Validate().Tunnels[0].OriginText.Should().Be(text);

    [Theory]
    [InlineData("localhost", 8080, "localhost:8080")]
    [InlineData("localhost", 80, "localhost")]
    [InlineData("::1", 8080, "[::1]:8080")]
    [InlineData("[::1]", 80, "[::1]")]
    public void Authority_OfTheOrigin_IsWhatAUrlHas(string host, int port, string authority) =>
        (Sound.Origin(origin => origin with { Host = host, Port = port })).Tunnels[0].Origin.Authority.Should().Be(authority);
}
