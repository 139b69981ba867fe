using System.Text;
using Tunnel.TestSupport;

namespace Tunnel.Transport.Tests.Support;

public sealed class SegmentingLinkTests
{
    [Theory]
    [InlineData(1, Segmenting.TinyReads)]
    [InlineData(1, Segmenting.ManySegments)]
    [InlineData(1, Segmenting.Both)]
    [InlineData(3, Segmenting.Both)]
    [InlineData(1000, Segmenting.Both)]
    public async Task Read_ByLinesHoweverItIsCut_GivesTheSameLines(int size, Segmenting segmenting)
    {
        var link = new MemoryLink();
        var cut = new SegmentingLink(link.B, size, segmenting);
        await link.A.Output.SendAsync("one\ntwo\n\nthree is longer\n");
        await link.A.Output.CompleteAsync();
        var lines = new List<string>();
        while (true)
        {
            var result = await cut.Input.ReadAsync().Within();
            var buffer = result.Buffer;
            while (System.Buffers.BuffersExtensions.PositionOf(buffer, (byte)'\n') is { } end)
            {
                lines.Add(Encoding.ASCII.GetString(buffer.Slice(0, end)));
                buffer = buffer.Slice(buffer.GetPosition(1, end));
            }

            cut.Input.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
            {
                break;
            }
        }

        lines.Should().Equal("one", "two", string.Empty, "three is longer");
    }

    [Fact]
    public async Task Read_InTinyPieces_ShowsOneByteMoreEachTime()
    {
        var link = new MemoryLink();
        var cut = new SegmentingLink(link.B, 1, Segmenting.TinyReads);
        await link.A.Output.SendAsync("abc");
        for (var length = 1; length <= 3; length++)
        {
            var result = await cut.Input.ReadAsync().Within();
            result.Buffer.Length.Should().Be(length);
            cut.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }

        cut.Input.TryRead(out _).Should().BeFalse();
    }

    [Fact]
    public async Task Read_InManySegments_ShowsEachByteInItsOwn()
    {
        var link = new MemoryLink();
        var cut = new SegmentingLink(link.B, 1, Segmenting.ManySegments);
        await link.A.Output.SendAsync("abc");
        var result = await cut.Input.ReadAsync().Within();
        var segments = new List<int>();
        foreach (var segment in result.Buffer)
        {
            segments.Add(segment.Length);
        }

        segments.Should().Equal(1, 1, 1);
        cut.Input.AdvanceTo(result.Buffer.GetPosition(2));
        (await cut.Input.TakeTextAsync(1)).Should().Be("c");
    }
}
