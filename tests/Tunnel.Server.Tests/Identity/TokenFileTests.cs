using System.Text;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class TokenFileTests
{
    private static readonly TokenRecord Full = NameRightsTests.Token("laptop", ["demo", "a-*"], ["x.tunnel.com"]) with
    {
        Hostnames = ["www.example.org"],
        TcpPorts = ["20000-20999", "22"],
        Served = ["a-demo.tunnel.com"],
        Passthrough = ["sealed.tunnel.com"],
        Expires = new DateTimeOffset(2027, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Revoked = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
    };

    [Fact]
    public void File_Written_ReadsBack()
    {
        TokenRecord[] tokens = [Full, NameRightsTests.Token("other")];

        TokenFile.Read(TokenFile.Write(tokens)).Should().BeEquivalentTo(tokens, options => options.WithStrictOrdering());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"version\":1}")]
    [InlineData("{\"version\":2,\"tokens\":[]}")]
    [InlineData("{\"version\":1,\"tokens\":null}")]
    [InlineData("{\"version\":1,\"tokens\":[null]}")]
    [InlineData("{\"version\":1,\"tokens\":[{}]}")]
    [InlineData("{\"version\":1,\"version\":1,\"tokens\":[]}")]
    [InlineData("{\"version\":1,\"tokens\":[]} {}")]
    [InlineData("{\"version\":1,\"tokens\":[\"\\ud800\"]}")]
    public void File_OfSomethingElse_IsRefused(string content) => Refuse(content);

    [Theory]
    [InlineData("\"name\": \"laptop\"", "\"name\": \"lap top\"")]
    [InlineData("\"name\": \"laptop\"", "\"name\": \"\"")]
    [InlineData("\"name\": \"laptop\"", "\"name\": null")]
    [InlineData("\"name\": \"laptop\"", "\"name\": \"lap\\u001b[2J\"")]
    [InlineData("\"hash\": \"00", "\"hash\": \"0")]
    [InlineData("\"hash\": \"00", "\"hash\": \"G0")]
    [InlineData("\"a-*\"", "\"a-**\"")]
    [InlineData("\"a-*\"", "\"A\"")]
    [InlineData("\"a-*\"", "null")]
    [InlineData("\"www.example.org\"", "\"www\"")]
    [InlineData("\"a-demo.tunnel.com\"", "null")]
    [InlineData("\"sealed.tunnel.com\"", "null")]
    [InlineData("\"sealed.tunnel.com\"", "7")]
    [InlineData("\"22\"", "\"0\"")]
    [InlineData("\"22\"", "\"22-21\"")]
    [InlineData("\"22\"", "\"65536\"")]
    [InlineData("2027-01-02T03:04:05", "2027-13-02T03:04:05")]
    public void Record_WithABadMember_IsRefused(string part, string replacement)
    {
        string content = Encoding.UTF8.GetString(TokenFile.Write([Full]));
        content.Should().Contain(part);

        Refuse(content.Replace(part, replacement));
    }

    [Fact]
    public void Records_WithTheSameNameOrId_AreRefused()
    {
        Refuse(Encoding.UTF8.GetString(TokenFile.Write([Full, Full with { Name = "other" }])));
        Refuse(Encoding.UTF8.GetString(TokenFile.Write([Full, Full with { Id = new string('1', 16) }])));
    }

    [Fact]
    public void File_OfAnything_IsReadOrRefused()
    {
        var random = new Random(11);
        string good = Encoding.UTF8.GetString(TokenFile.Write([Full, NameRightsTests.Token("other")]));
        int read = 0;
        for (int round = 0; round < 20_000; round++)
        {
            byte[] content = Encoding.Latin1.GetBytes(AgentTokenTests.Mutate(random, good));
            try
            {
                // What is read can be written and read again: nothing is taken in that the next start would choke on.
                IReadOnlyList<TokenRecord> tokens = TokenFile.Read(content);
                TokenFile.Read(TokenFile.Write(tokens)).Should().HaveCount(tokens.Count);
                _ = new TokenSet(tokens, "tunnel.com");
                read++;
            }
            catch (TokenFileException)
            {
                // Refused, as it should be.
            }
        }

        read.Should().BePositive();
    }

    private static void Refuse(string content)
    {
        Action read = () => TokenFile.Read(Encoding.UTF8.GetBytes(content));

        read.Should().Throw<TokenFileException>();
    }
}
