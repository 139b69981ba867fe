using Tunnel.Framing.Flow;

namespace Tunnel.Framing.Tests.Flow;

public sealed class OutgoingBufferTests : IDisposable
{
    private readonly LeakCheckingPool _pool = new(exact: true);
    private readonly OutgoingBuffer _buffer;

    public OutgoingBufferTests() => _buffer = new OutgoingBuffer(new ChunkPool(_pool));

    public void Dispose() => _pool.Dispose();

    [Fact]
    public void Written_NotPublished_IsNotTaken()
    {
        Write("abc");
        (_buffer.UnflushedBytes, _buffer.WaitingBytes).Should().Be((3, 0));
        _buffer.Take(100).Chunk.Should().BeNull();
        _buffer.Publish();
        (_buffer.UnflushedBytes, _buffer.WaitingBytes).Should().Be((0, 3));
        Take(100).Should().Be("abc");
        _buffer.RentedBytes.Should().Be(0);
    }

    [Fact]
    public void Take_WhileTheUserHoldsALease_KeepsTheMemory()
    {
        Write("abc");
        _buffer.Publish();
        Memory<byte> leased = _buffer.Lease(10);
        Take(100).Should().Be("abc");
        _buffer.RentedBytes.Should().BePositive();
        "defg"u8.CopyTo(leased.Span);
        _buffer.Advance(4);
        _buffer.Publish();
        Take(3).Should().Be("def");
        Take(100).Should().Be("g");
        _buffer.RentedBytes.Should().Be(0);
    }

    [Fact]
    public void Drop_WhileLeased_KeepsOnlyTheLeasedMemoryUntilTheLeaseEnds()
    {
        Fill(4096);
        Fill(16384);
        _buffer.Publish();
        Memory<byte> leased = _buffer.Lease(100);
        _pool.RentedCount.Should().Be(3);
        _buffer.Drop();
        _pool.RentedCount.Should().Be(1);
        leased.Span[..100].Fill(1);
        _buffer.Advance(100);
        _buffer.Take(100).Chunk.Should().BeNull();
        _buffer.Publish();
        (_buffer.RentedBytes, _buffer.WaitingBytes, _pool.RentedCount).Should().Be((0, 0, 0));
    }

    [Fact]
    public void Drop_WhileTheWriterHasTaken_ReturnsTheMemoryOnceItReleases()
    {
        Write("abc");
        _buffer.Publish();
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
        _buffer.Publish();
        (_buffer.WaitingBytes, _buffer.RentedBytes, _pool.RentedCount).Should().Be((0, 0, 0));
    }

    [Fact]
    public void Lease_TooSmallALeftover_TakesANewBlockAndKeepsTheOrder()
    {
        _buffer.Lease(10);
        _buffer.Lease(10_000);
        Write("abc");
        _buffer.Lease(20_000);
        Write("def");
        _buffer.Publish();
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
        FluentActions.Invoking(() => _buffer.Advance(1)).Should().Throw<InvalidOperationException>();
        int size = _buffer.Lease(1).Length;
        FluentActions.Invoking(() => _buffer.Advance(size + 1)).Should().Throw<InvalidOperationException>();
        FluentActions.Invoking(() => _buffer.Advance(-1)).Should().Throw<ArgumentOutOfRangeException>();
        _buffer.Publish();
    }

    [Fact]
    public void Blocks_AreSmallFirstAndLargeInBulk()
    {
        _buffer.Lease(0).Length.Should().Be(4096);
        Fill(4096);
        _buffer.Lease(0).Length.Should().Be(16384);
        _buffer.Publish();
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
                    Span<byte> span = _buffer.Lease(random.Next(size)).Span;
                    size = Math.Min(size, span.Length);
                    for (int at = 0; at < size; at++)
                    {
                        span[at] = next++;
                    }

                    _buffer.Advance(size);
                    break;
                case 1:
                    _buffer.Publish();
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
        _buffer.Publish();
        while (held.TryDequeue(out (OutgoingChunk Chunk, ReadOnlyMemory<byte> Bytes) taken))
        {
            taken.Chunk.Release();
        }
    }

    private void Write(string text)
    {
        Memory<byte> memory = _buffer.Lease(text.Length);
        _buffer.Advance(System.Text.Encoding.ASCII.GetBytes(text, memory.Span));
    }

    private void Fill(int bytes)
    {
        _buffer.Lease(bytes);
        _buffer.Advance(bytes);
    }

    private string Take(int most)
    {
        (OutgoingChunk? chunk, ReadOnlyMemory<byte> bytes) = _buffer.Take(most);
        string text = System.Text.Encoding.ASCII.GetString(bytes.Span);
        chunk!.Release();
        return text;
    }
}
