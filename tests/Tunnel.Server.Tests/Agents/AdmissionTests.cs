using Microsoft.Extensions.Logging.Abstractions;
using Tunnel.Framing.Frames;
using Tunnel.Server.Agents;
using Tunnel.Server.Identity;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Agents;

public sealed class AdmissionTests
{
    [Fact]
    public async Task LocalAgent_WithASoundHello_IsAdmitted() =>
        (await JudgeAsync(Hello())).Should().BeNull();

    [Theory]
    [InlineData(2, 2, "Update the server")]
    [InlineData(9, 3, "Update the server")]
    public async Task Agent_OfAnotherVersion_IsToldWhichSideIsOld(int version, int least, string says)
    {
        RejectMessage? reject = await JudgeAsync(Hello() with { Version = version, MinVersion = least });
        reject!.Code.Should().Be(RejectCodes.VersionMismatch);
        reject.Message.Should().Contain(says);
        reject.Retry.Should().BeFalse();
    }

    [Fact]
    public async Task Agent_OfARangeThatHoldsOurs_IsAdmitted() =>
        (await JudgeAsync(Hello() with { Version = 5, MinVersion = 1 })).Should().BeNull();

    private static HelloMessage Hello() => new()
    {
        Version = 1,
        Instance = new string('0', 32),
    };

    private static async Task<RejectMessage?> JudgeAsync(HelloMessage hello)
    {
        await using TcpLinkPair link = await TcpLinkPair.CreateAsync();
        var gate = new Gatekeeper(new ServerOptions(), null, TimeProvider.System, NullLogger.Instance);
        LinkFacts facts = LinkFacts.Of(link.B.LocalEndPoint, link.B.RemoteEndPoint, isEncrypted: false);
        return Admission.Judge(hello, facts, gate, out _);
    }
}
