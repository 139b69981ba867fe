using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class ForwardedElementTests
{
    [Theory]
    [InlineData("for=1.2.3.4", "1.2.3.4||")]
    [InlineData("For=1.2.3.4;PROTO=https;Host=a.example;by=x", "1.2.3.4|a.example|https")]
    [InlineData("for=\"[2001:db8::1]:47\" , for=[2001:db8::2]:47", "[2001:db8::1]:47||;[2001:db8::2]:47||")]
    [InlineData(",for=a, ,\t,for=b,", "a||;b||")]
    [InlineData("for=\"a,b\";host=\"c;d\"", "a,b|c;d|")]
    [InlineData("for=\"a\\\"b\"", "a\"b||")]
    [InlineData(";for=a;;host=b;", "a|b|")]
    [InlineData("", "")]
    // What stands left of something unreadable was written by nobody we know.
    [InlineData("for=a, for=b c, for=d", "d||")]
    [InlineData("for=a, for=b;for=c, for=d", "d||")]
    [InlineData("for=a, =b, for=d", "d||")]
    [InlineData("for=a, for=, for=d", "d||")]
    [InlineData("for=a, for, for=d", "d||")]
    [InlineData("for=\"a, for=d;proto=https", "d||https")]
    [InlineData("for=a\", for=d", "d||")]
    [InlineData("for=\"x, for=e\", for=d", "x, for=e||;d||")]
    [InlineData("for=a;host=\"b, for=6.6.6.6", "6.6.6.6||")]
    [InlineData("for=a, for=\"d\\", "")]
    [InlineData("for=\u00e4", "")]
    public void ReadAll_Elements_FromTheRightAsFarAsTheyAreSound(string value, string expected)
    {
        var list = new HeaderList(new CountingPool());
        list.Add("Forwarded"u8, Verdict.Bytes.GetBytes(value.Trim()));

        Describe(ForwardedElement.ReadAll(list)).Should().Be(expected);
        list.Reset();
    }

    [Fact]
    public void ReadAll_SeveralFields_AreOneList()
    {
        var list = new HeaderList(new CountingPool());
        list.Add("Forwarded"u8, "for=\"a"u8);
        list.Add("forwarded"u8, "for=b, for=c"u8);
        list.Add("Forwarded"u8, "for=d"u8);

        Describe(ForwardedElement.ReadAll(list)).Should().Be("b||;c||;d||");
        list.Reset();
    }

    [Fact]
    public void ReadAll_EndlessLists_AreReadToABound()
    {
        var list = new HeaderList(new CountingPool());
        list.Add("Forwarded"u8, Verdict.Bytes.GetBytes(string.Join(',', Enumerable.Repeat("for=a", 5000))));
        ForwardedElement.ReadAll(list).Should().HaveCount(ForwardedElement.Most);

        list.Reset();
        list.Add("Forwarded"u8, Verdict.Bytes.GetBytes("for=\"" + new string(',', 20_000)));
        ForwardedElement.ReadAll(list).Should().BeEmpty();
        list.Reset();
    }

    private static string Describe(ForwardedElement[] elements) =>
        string.Join(';', elements.Select(static element => $"{element.For}|{element.Host}|{element.Proto}"));
}
