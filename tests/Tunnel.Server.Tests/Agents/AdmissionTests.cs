using Tunnel.Framing.Frames;
using Tunnel.Server.Agents;
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

    [Fact]
    public async Task Agent_AtABadMoment_MayTryAgain()
    {
        (await JudgeAsync(Hello(), isDraining: true))!.Should().BeEquivalentTo(new { Code = RejectCodes.Draining, Retry = true });
        (await JudgeAsync(Hello(), isFull: true))!.Should().BeEquivalentTo(new { Code = RejectCodes.TooManySessions, Retry = true });
        (await JudgeAsync(Hello() with { Tunnels = null }))!.Should().BeEquivalentTo(new { Code = RejectCodes.ResumeRefused, Retry = true });
    }

    private static HelloMessage Hello() => new()
    {
        Version = 1,
        Instance = new string('0', 32),
        Tunnels = [new TunnelRequest { Id = 1, Type = "http" }],
    };

    private static async Task<RejectMessage?> JudgeAsync(HelloMessage hello, bool isDraining = false, bool isFull = false)
    {
        await using TcpLinkPair link = await TcpLinkPair.CreateAsync();
        return Admission.Judge(hello, link.B, isDraining, isFull);
    }
}
