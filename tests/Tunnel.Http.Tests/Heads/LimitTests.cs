using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Heads;

public class LimitTests
{
    private static readonly HttpLimits Small = new() { MaxStartLineBytes = 256, MaxHeadBytes = 1024, MaxFields = 3 };

    [Theory]
    [InlineData(256, RejectReason.None)]
    [InlineData(257, RejectReason.RequestLineTooLong)]
    public void RequestLine_AtItsLimit_IsJudged(int length, RejectReason reason)
    {
        var line = "GET /" + new string('x', length - "GET / HTTP/1.1\r\n".Length) + " HTTP/1.1\r\n";
        line.Length.Should().Be(length);
        Everywhere(line + "Host: a\r\n\r\n", reason);
        Everywhere("\r\n" + line + "Host: a\r\n\r\n", reason);
    }

    [Theory]
    [InlineData(1024, RejectReason.None)]
    [InlineData(1025, RejectReason.HeadTooLarge)]
    public void Head_AtItsLimit_IsJudged(int length, RejectReason reason)
    {
        const string Start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        var head = Start + new string('x', length - Start.Length - 4) + "\r\n\r\n";
        head.Length.Should().Be(length);
        Everywhere(head, reason);
    }

    [Theory]
    [InlineData(3, RejectReason.None)]
    [InlineData(4, RejectReason.TooManyFields)]
    public void Fields_AtTheirLimit_AreJudged(int count, RejectReason reason) =>
        Everywhere(
            "GET / HTTP/1.1\r\nHost: a\r\n" + string.Concat(Enumerable.Repeat("A: b\r\n", count - 1)) + "\r\n", reason);

    [Fact]
    public void Head_WithoutAnEnd_IsRejectedAsSoonAsTheLimitIsFull()
    {
        var bytes = Verdict.Bytes.GetBytes("GET /" + new string('x', 251));
        Reading.Request(bytes, [], Small).Reason.Should().Be(RejectReason.RequestLineTooLong);
        Reading.Request(bytes[..255], [], Small).Outcome.Should().Be("NeedMore");

        var fields = Verdict.Bytes.GetBytes("GET / HTTP/1.1\r\nX: " + new string('x', 2000));
        Reading.Request(fields[..1024], [], Small).Reason.Should().Be(RejectReason.HeadTooLarge);
        Reading.Request(fields[..1023], [], Small).Outcome.Should().Be("NeedMore");
    }

    [Fact]
    public void StatusLine_TooLong_IsRejected() =>
        Reading.Response("HTTP/1.1 200 " + new string('x', 9000)).Reason.Should().Be(RejectReason.StatusLineTooLong);

    [Fact]
    public void Limits_ByDefault_AreThoseOfTheDesign()
    {
        HttpLimits.Default.Validate().Should().BeEquivalentTo(new
        {
            MaxStartLineBytes = 8192,
            MaxHeadBytes = 32768,
            MaxFields = 100,
        });
    }

    [Fact]
    public void Limits_OutOfRange_AreRefusedByName()
    {
        foreach (var limits in new HttpLimits[]
                 {
                     new() { MaxStartLineBytes = 10 }, new() { MaxHeadBytes = 0 }, new() { MaxHeadBytes = int.MaxValue },
                     new() { MaxStartLineBytes = 40_000 }, new() { MaxFields = 0 }, new() { MaxChunkLineBytes = 1 },
                     new() { MaxChunkOverheadBytes = 1 },
                 })
        {
            limits.Invoking(static bad => bad.Validate()).Should().Throw<ArgumentException>().WithMessage("Max*must be*");
        }
    }

    private static void Everywhere(string text, RejectReason reason)
    {
        var bytes = Verdict.Bytes.GetBytes(text);
        var whole = Reading.Request(bytes, [], Small);
        whole.Reason.Should().Be(reason);
        Reading.Request(bytes, Pieces.EveryByte(bytes.Length), Small).Should().Be(whole);
    }
}
