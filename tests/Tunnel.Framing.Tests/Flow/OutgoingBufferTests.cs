using Tunnel.Framing.Flow;

namespace Tunnel.Framing.Tests.Flow;

public sealed class OutgoingBufferTests : IDisposable
{
    private readonly LeakCheckingPool _pool = new(exact: true);
    private OutgoingBuffer _buffer;
    private readonly ChunkPool _chunks;
    private OutgoingDraft _draft;

    public OutgoingBufferTests() => _chunks = new ChunkPool(_pool);

    public void Dispose() => _pool.Dispose();

    [Fact]
    public void Written_NotPublished_IsNotTaken()
    {
        Write("abc");
        (_draft.Bytes, _buffer.WaitingBytes).Should().Be((3, 0));
        _buffer.Take(100).Chunk.Should().BeNull();
        _buffer.Publish(ref _draft);
        (_draft.Bytes, _buffer.WaitingBytes).Should().Be((0, 3));
        Take(100).Should().Be("abc");
        _buffer.RentedBytes.Should().Be(0);
    }

    [Fact]
    public void Take_WhileTheUserWrites_TakesNothingOfIt()
    {
        Write("abc");
        _buffer.Publish(ref _draft);
        Memory<byte> leased = _draft.Lease(_chunks, 10);
        Take(100).Should().Be("abc");
        _pool.RentedCount.Should().Be(1);
        "defg"u8.CopyTo(leased.Span);
        _draft.Advance(4);
        _buffer.Publish(ref _draft);
        Take(3).Should().Be("def");
        Take(100).Should().Be("g");
        _buffer.RentedBytes.Should().Be(0);
    }

    [Fact]
    public void Drop_WhileTheUserWrites_LeavesItWhatItWritesUntilTheFlush()
    {
        Fill(4096);
        Fill(16384);
        _buffer.Publish(ref _draft);
        Memory<byte> leased = _draft.Lease(_chunks, 100);
        _pool.RentedCount.Should().Be(3);
        _buffer.Drop();
        _pool.RentedCount.Should().Be(1);
        leased.Span[..100].Fill(1);
        _draft.Advance(100);
        _buffer.Take(100).Chunk.Should().BeNull();
        _buffer.Publish(ref _draft);
        (_buffer.RentedBytes, _buffer.WaitingBytes, _pool.RentedCount).Should().Be((0, 0, 0));
    }

    [Fact]
    public void Published_Little_BehindWhatWaits_TakesNoMemoryOfItsOwn()
    {
        for (int i = 0; i < 100; i++)
        {
            Write("0123456789");
            _buffer.Publish(ref _draft);
        }

        (_buffer.WaitingBytes, _buffer.RentedBytes, _pool.RentedCount).Should().Be((1000, 4096, 1));
        Take(5).Should().Be("01234");
        Write("the end");
        _buffer.Publish(ref _draft);
        Take(2000).Should().HaveLength(1002).And.EndWith("789the end");
        _pool.RentedCount.Should().Be(0);
    }

    [Fact]
    public void Published_Much_BehindWhatWaits_IsNotCopied()
    {
        Write("abc");
        _buffer.Publish(ref _draft);
        Fill(2000);
        _buffer.Publish(ref _draft);
        (_buffer.WaitingBytes, _pool.RentedCount).Should().Be((2003, 2));
        Take(3000).Should().Be("abc");
        Take(3000).Should().HaveLength(2000);
    }

    [Fact]
    public void Published_Nothing_GivesTheLeaseBack()
    {
        _draft.Lease(_chunks, 10);
        _buffer.Publish(ref _draft);
        (_buffer.WaitingBytes, _buffer.RentedBytes, _pool.RentedCount).Should().Be((0, 0, 0));
    }

    [Fact]
    public void Drop_WhileTheWriterHasTaken_ReturnsTheMemoryOnceItReleases()
    {
        Write("abc");
        _buffer.Publish(ref _draft);
        (OutgoingChunk? chunk, ReadOnlyMemory<byte> bytes) = _buffer.Take(2);
        _buffer.Drop();
        bytes.ToArray().Should().Equal("ab"u8.ToArray());
        _pool.RentedCount.Should().Be(1);
        chunk!.Release();
        _pool.RentedCount.Should().Be(0);
    }

    [Fact]
    public void Written_AfterDrop_VanishesWithTheFlush()
    {
        _buffer.Drop();
        Write("abc");
        _buffer.Publish(ref _draft);
        (_buffer.WaitingBytes, _buffer.RentedBytes, _pool.RentedCount).Should().Be((0, 0, 0));
    }

    [Fact]
    public void Lease_TooSmallALeftover_TakesANewBlockAndKeepsTheOrder()
    {
        _draft.Lease(_chunks, 10);
        _draft.Lease(_chunks, 10_000);
        Write("abc");
        _draft.Lease(_chunks, 20_000);
        Write("def");
        _buffer.Publish(ref _draft);
        string all = "";
        while (_buffer.WaitingBytes > 0)
        {
            all += Take(2);
        }

        all.Should().Be("abcdef");
    }

    [Fact]
    public void Advance_BeyondTheLease_Throws()
    {
        FluentActions.Invoking(() => _draft.Advance(1)).Should().Throw<InvalidOperationException>();
        int size = _draft.Lease(_chunks, 1).Length;
        FluentActions.Invoking(() => _draft.Advance(size + 1)).Should().Throw<InvalidOperationException>();
        FluentActions.Invoking(() => _draft.Advance(-1)).Should().Throw<ArgumentOutOfRangeException>();
        _buffer.Publish(ref _draft);
    }

    [Fact]
    public void Blocks_AreSmallFirstAndLargeInBulk()
    {
        _draft.Lease(_chunks, 0).Length.Should().Be(4096);
        Fill(4096);
        _draft.Lease(_chunks, 0).Length.Should().Be(16384);
        _buffer.Publish(ref _draft);
        _buffer.Drop();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Bytes_InRandomPieces_ComeOutInOrderAndReturnEverything(int seed)
    {
        var random = new Random(seed);
        byte next = 0;
        byte expected = 0;
        var held = new Queue<(OutgoingChunk Chunk, ReadOnlyMemory<byte> Bytes)>();
        for (int i = 0; i < 3000; i++)
        {
            switch (random.Next(4))
            {
                case 0:
                    int size = random.Next(1, 9000);
                    Span<byte> span = _draft.Lease(_chunks, random.Next(size)).Span;
                    size = Math.Min(size, span.Length);
                    for (int at = 0; at < size; at++)
                    {
                        span[at] = next++;
                    }

                    _draft.Advance(size);
                    break;
                case 1:
                    _buffer.Publish(ref _draft);
                    break;
                case 2 when _buffer.Take(random.Next(1, 20_000)) is ({ } chunk, var bytes):
                    held.Enqueue((chunk, bytes));
                    break;
                case 3 when held.TryDequeue(out (OutgoingChunk Chunk, ReadOnlyMemory<byte> Bytes) taken):
                    foreach (byte one in taken.Bytes.Span)
                    {
                        one.Should().Be(expected++);
                    }

                    taken.Chunk.Release();
                    break;
            }
        }

        _buffer.Drop();
        _buffer.Publish(ref _draft);
        while (held.TryDequeue(out (OutgoingChunk Chunk, ReadOnlyMemory<byte> Bytes) taken))
        {
            taken.Chunk.Release();
        }
    }

    private void Write(string text)
    {
        Memory<byte> memory = _draft.Lease(_chunks, text.Length);
        _draft.Advance(System.Text.Encoding.ASCII.GetBytes(text, memory.Span));
    }

    private void Fill(int bytes)
    {
        _draft.Lease(_chunks, bytes);
        _draft.Advance(bytes);
    }

    private string Take(int most)
    {
        (OutgoingChunk? chunk, ReadOnlyMemory<byte> bytes) = _buffer.Take(most);
        string text = System.Text.Encoding.ASCII.GetString(bytes.Span);
        chunk!.Release();
        return text;
    }
}
