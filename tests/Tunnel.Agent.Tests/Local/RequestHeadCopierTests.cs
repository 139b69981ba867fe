using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Tests.Local;

public sealed class RequestHeadCopierTests
{
    private static readonly byte[] Head = "POST / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n"u8.ToArray();
    private static readonly byte[] Whole = [.. Head, .. "body\r\n\r\n"u8];

    [Fact]
    public async Task Head_CutAnywhere_PassesToItsEnd()
    {
        for (int cut = 0; cut <= Whole.Length; cut++)
        {
            for (int again = cut; again <= Whole.Length; again++)
            {
                var stream = new Pipe();
                var origin = new Pipe();
                await stream.Writer.WriteAsync(Whole.AsMemory(0, cut));
                Task<(ReadOnlySequence<byte> Bytes, SequencePosition HeadEnd)> passing = PassAsync(stream.Reader, origin.Writer);
                await stream.Writer.WriteAsync(Whole.AsMemory(cut, again - cut));
                await stream.Writer.WriteAsync(Whole.AsMemory(again));

                (ReadOnlySequence<byte> bytes, SequencePosition end) = await passing.WaitAsync(TimeSpan.FromSeconds(30));

                await origin.Writer.CompleteAsync();
                byte[] sent = (await origin.Reader.ReadAtLeastAsync(Whole.Length)).Buffer.ToArray();
                byte[] left = bytes.Slice(0, end).ToArray();
                sent.Concat(left).Should().Equal(Head, "cut at {0} and {1}", cut, again);
                left.Length.Should().BeLessThanOrEqualTo(Head.Length);
            }
        }
    }

    [Fact]
    public async Task Head_OfManySegments_IsFoundWhole()
    {
        for (int size = 1; size < Head.Length; size++)
        {
            var pieces = new Pipe(new PipeOptions(minimumSegmentSize: 1, pool: new TinyPool(size)));
            foreach (byte[] piece in Whole.Chunk(size))
            {
                piece.CopyTo(pieces.Writer.GetMemory(piece.Length));
                pieces.Writer.Advance(piece.Length);
            }

            await pieces.Writer.FlushAsync();
            ReadOnlySequence<byte> bytes = (await pieces.Reader.ReadAsync()).Buffer;
            bytes.IsSingleSegment.Should().BeFalse();

            RequestHeadCopier.TryFindEnd(bytes, isLast: false, out SequencePosition end).Should().BeTrue();

            bytes.Slice(0, end).ToArray().Should().Equal(Head);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r")]
    [InlineData("GET / HTTP/1.1\n\n")]
    public async Task Request_ThatEndsWithinItsHead_IsBroken(string text)
    {
        var stream = new Pipe();
        await stream.Writer.WriteAsync(System.Text.Encoding.ASCII.GetBytes(text));
        await stream.Writer.CompleteAsync();

        Func<Task> pass = () => PassAsync(stream.Reader, new Pipe().Writer);

        (await pass.Should().ThrowAsync<OriginFaultException>()).Which.Code.Should().Be(ResetCode.RequestBroken);
    }

    private static async Task<(ReadOnlySequence<byte> Bytes, SequencePosition HeadEnd)> PassAsync(PipeReader stream, PipeWriter origin) =>
        await RequestHeadCopier.PassAsync(stream, await stream.ReadAsync(), origin);

    /// <summary>Rents pieces of one size, so that a pipe is made of them.</summary>
    private sealed class TinyPool(int size) : MemoryPool<byte>
    {
        public override int MaxBufferSize => size;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1) => new Piece(new byte[size]);

        protected override void Dispose(bool disposing)
        {
        }

        private sealed class Piece(byte[] bytes) : IMemoryOwner<byte>
        {
            public Memory<byte> Memory => bytes;

            public void Dispose()
            {
            }
        }
    }
}
