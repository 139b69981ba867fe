using System.Text;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Server.Tests.Identity;

public sealed class AgentTokenTests
{
    private static readonly AgentToken Sample = new(
        "0123456789abcdef", [.. Enumerable.Range(0, 32).Select(i => (byte)i)], [.. Enumerable.Range(32, 32).Select(i => (byte)i)], "tunnel.example.com:9090");

    /// <summary>The form must not change: tokens live longer than versions.</summary>
    [Fact]
    public void Token_OfKnownParts_HasThisForm() =>
        Sample.Reveal().Should().Be(
            "tunnel1_AQEjRWeJq83vAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P3R1bm5lbC5leGFtcGxlLmNvbTo5MDkwxD9SRw");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Token_Revealed_ReadsBack(bool hasPin)
    {
        var token = new AgentToken(Sample.Id, [.. new byte[31], 7], hasPin ? Sample.Pin : null, "[2001:db8::1]:9090");

        AgentToken? read = AgentToken.Parse(token.Reveal(), out string fault);

        fault.Should().BeEmpty();
        read!.Id.Should().Be(token.Id);
        read.Server.Should().Be("[2001:db8::1]:9090");
        read.Credential.Should().Be(token.Credential);
        read.Pin.Should().Equal(token.Pin);
    }

    [Fact]
    public void Token_BrokenOverLines_ReadsBack()
    {
        string text = Sample.Reveal();

        AgentToken.Parse($"  {text[..40]}\r\n  {text[40..80]}\n{text[80..]}\t\n", out _)!.Credential.Should().Be(Sample.Credential);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("  \n ", "empty")]
    [InlineData("hello", "not a token")]
    [InlineData("tunnel_AAAA", "not a token")]
    [InlineData("tunnelx_AAAA", "not a token")]
    [InlineData("TUNNEL1_AAAA", "not a token")]
    [InlineData("tunnel2_AAAA", "another version")]
    [InlineData("tunnel10_AAAA", "another version")]
    [InlineData("tunnel1_", "not copied whole")]
    [InlineData("tunnel1_AAAA", "not copied whole")]
    [InlineData("tunnel1_!!!!", "not copied whole")]
    [InlineData("tunnel1_AQEjRWeJq83vAAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "not copied whole")]
    public void Parse_OfSomethingElse_SaysWhatIsWrong(string text, string expected)
    {
        AgentToken.Parse(text, out string fault).Should().BeNull();

        fault.Should().Contain(expected);
    }

    [Fact]
    public void Parse_WithAnyCharacterLostOrChanged_Refuses()
    {
        string text = Sample.Reveal();
        for (int i = AgentToken.Prefix.Length; i < text.Length; i++)
        {
            // The last character carries bits that nobody reads.
            string changed = text[..i] + (text[i] == 'A' ? 'B' : 'A') + text[(i + 1)..];
            AgentToken.Parse(text.Remove(i, 1), out _).Should().BeNull("character {0} is missing", i);
            AgentToken.Parse(changed, out _).Should().BeNull("character {0} is another one", i);
        }
    }

    [Fact]
    public void Parse_OfAnotherForm_SaysUpdate()
    {
        // Whole, and of a form that this version does not know: a flag, an address that is none, nothing behind the pin.
        byte[][] bodies = [[2, .. new byte[80]], [0, .. new byte[40], 0, 1], [0, .. new byte[40]], [1, .. new byte[72]]];
        foreach (byte[] body in bodies)
        {
            AgentToken.Parse(Whole(body), out string fault).Should().BeNull();
            fault.Should().Contain("update");
        }
    }

    [Fact]
    public void Parse_OfAnything_NeverThrowsAndNeverQuotes()
    {
        var random = new Random(7);
        string good = Sample.Reveal();
        for (int round = 0; round < 20_000; round++)
        {
            string text = Mutate(random, good);

            AgentToken? read = AgentToken.Parse(text, out string fault);

            if (read is null)
            {
                fault.Should().NotBeEmpty();
                fault.Should().NotContain(good[20..60]);
            }
            else
            {
                read.Credential.Should().Be(Sample.Credential);
            }
        }
    }

    [Fact]
    public void ToString_OfToken_HasNoSecret() => Sample.ToString().Should().Be("token 0123456789abcdef");

    internal static string Mutate(Random random, string text)
    {
        var mutated = new StringBuilder(text);
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            int at = random.Next(mutated.Length + 1);
            char c = random.Next(3) == 0 ? (char)random.Next(0x180) : (char)random.Next(' ', 0x7F);
            switch (random.Next(4))
            {
                case 0 when at < mutated.Length:
                    mutated[at] = c;
                    break;
                case 1 when at < mutated.Length:
                    mutated.Remove(at, Math.Min(random.Next(1, 20), mutated.Length - at));
                    break;
                case 2:
                    mutated.Insert(at, c);
                    break;
                default:
                    mutated.Insert(at, text.AsSpan(random.Next(text.Length)));
                    break;
            }
        }

        return mutated.ToString();
    }

    private static string Whole(byte[] body)
    {
        byte[] hash = System.Security.Cryptography.SHA256.HashData([.. Encoding.ASCII.GetBytes(AgentToken.Prefix), .. body]);
        return AgentToken.Prefix + System.Buffers.Text.Base64Url.EncodeToString([.. body, .. hash[..4]]);
    }
}
