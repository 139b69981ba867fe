using System.Security.Cryptography;
using System.Text;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Tests.Resume;

public sealed class ResumeSecretTests
{
    private const string Session = "00112233445566778899aabbccddeeff";

    [Fact]
    public void Prove_IsTheHmacOfTheProtocolPage()
    {
        var secret = ResumeSecret.Parse(new string('a', 64));
        byte[] expected = HMACSHA256.HashData(
            Convert.FromHexString(new string('a', 64)), Encoding.ASCII.GetBytes($"resume\n{Session}\n3\n65544\n"));
        secret.Prove(Session, 3, 65_544).Should().Be(Convert.ToHexStringLower(expected));
    }

    [Fact]
    public void Verify_SameKey_HoldsForItsOwnValuesOnly()
    {
        var secret = ResumeSecret.Create();
        var same = ResumeSecret.Parse(secret.ToHex());
        string proof = same.Prove(Session, 3, 100);
        secret.Verify(Session, 3, 100, proof).Should().BeTrue();
        secret.Verify(Session, 4, 100, proof).Should().BeFalse();
        secret.Verify(Session, 3, 101, proof).Should().BeFalse();
        secret.Verify(Session.Replace('0', '1'), 3, 100, proof).Should().BeFalse();
        ResumeSecret.Create().Verify(Session, 3, 100, proof).Should().BeFalse();
        secret.VerifyReplacement(Session, Session, proof).Should().BeFalse();
        secret.VerifyReplacement(Session, Session, same.ProveReplacement(Session, Session)).Should().BeTrue();
    }

    [Theory]
    [InlineData("")]
    [InlineData("zz")]
    [InlineData("00")]
    public void Verify_NoProof_IsNo(string proof) => ResumeSecret.Create().Verify(Session, 1, 0, proof).Should().BeFalse();
}
