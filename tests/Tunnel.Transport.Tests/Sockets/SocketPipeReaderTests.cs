using System.Buffers;
using System.Text;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public abstract class SocketPipeReaderTests(SocketConnectionOptions options) : IAsyncLifetime
{
    private readonly LeakCheckingPool _pool = new();
    private TcpLinkPair _pair = null!;

    public async Task InitializeAsync() => _pair = await TcpLinkPair.CreateAsync(_pool, options);

    public async Task DisposeAsync()
    {
        await _pair.A.Input.CompleteAsync();
        await _pair.B.Input.CompleteAsync();
        await _pair.DisposeAsync();
        _pool.Dispose();
    }

    [Fact]
    public async Task ReadAsync_WithUnexaminedBytes_ReturnsAtOnce()
    {
        var reader = _pair.B.Input;
        await _pair.A.Output.SendAsync("abcdef");
        var result = await reader.ReadAtLeastAsync(6).Within();
        reader.AdvanceTo(result.Buffer.GetPosition(2), result.Buffer.GetPosition(4));

        var reading = reader.ReadAsync().AsTask();
        reading.IsCompletedSuccessfully.Should().BeTrue();
        var again = await reading;
        Text(again.Buffer).Should().Be("cdef");
        reader.AdvanceTo(again.Buffer.Start);
        reader.TryRead(out var third).Should().BeTrue("nothing of it was examined");
        Text(third.Buffer).Should().Be("cdef");
        reader.AdvanceTo(third.Buffer.End);
        reader.TryRead(out _).Should().BeFalse();
    }

    [Fact]
    public async Task ReadAsync_WithEverythingExamined_WaitsForMoreAndShowsBoth()
    {
        var reader = _pair.B.Input;
        await _pair.A.Output.SendAsync("GET ");
        var result = await reader.ReadAtLeastAsync(4).Within();
        reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        reader.TryRead(out _).Should().BeFalse();

        var waiting = reader.ReadAsync();
        waiting.IsCompleted.Should().BeFalse();
        await _pair.A.Output.SendAsync("/ HTTP");
        var both = await waiting.Within();
        Text(both.Buffer).Should().Be("GET / HTTP");
        reader.AdvanceTo(both.Buffer.End);
    }

    [Fact]
    public async Task AdvanceTo_AnyPlaceInManyBlocks_KeepsExactlyTheRest()
    {
        var reader = _pair.B.Input;
        var payload = Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7)).ToArray();
        var writing = _pair.A.Output.WriteAsync(payload).AsTask();
        var random = new Random(5);
        var taken = 0;
        while (taken < payload.Length)
        {
            var result = await reader.ReadAsync().Within();
            result.Buffer.ToArray().Should().Equal(payload[taken..(taken + (int)result.Buffer.Length)]);
            var step = random.Next(0, (int)Math.Min(result.Buffer.Length, 20_000) + 1);
            reader.AdvanceTo(result.Buffer.GetPosition(step), result.Buffer.End);
            taken += step;
            if (result.Buffer.Length == payload.Length - taken + step)
            {
                break;
            }
        }

        await writing.Within();
    }

    [Fact]
    public async Task AdvanceTo_APositionOfSomethingElse_IsRefused()
    {
        await _pair.A.Output.SendAsync("abc");
        var result = await _pair.B.Input.ReadAsync().Within();
        var foreign = new ReadOnlySequence<byte>(new byte[1]).Start;
        _pair.B.Input.Invoking(reader => reader.AdvanceTo(foreign)).Should().Throw<InvalidOperationException>();
        _pair.B.Input.AdvanceTo(result.Buffer.End);
    }

    [Fact]
    public async Task CancelPendingRead_WhileWaiting_EndsThisReadAndLosesNothing()
    {
        var reader = _pair.B.Input;
        var waiting = reader.ReadAsync();
        reader.CancelPendingRead();
        var result = await waiting.Within();
        result.IsCanceled.Should().BeTrue();
        reader.AdvanceTo(result.Buffer.Start);

        var next = reader.ReadAsync();
        next.IsCompleted.Should().BeFalse();
        await _pair.A.Output.SendAsync("hello");
        var after = await next.Within();
        after.IsCanceled.Should().BeFalse();
        Text(after.Buffer).Should().Be("hello");
        reader.AdvanceTo(after.Buffer.End);
    }

    [Fact]
    public async Task CancelPendingRead_WithNobodyWaiting_EndsTheNextReadOnce()
    {
        var reader = _pair.B.Input;
        reader.CancelPendingRead();
        var result = await reader.ReadAsync().Within();
        result.IsCanceled.Should().BeTrue();
        reader.AdvanceTo(result.Buffer.Start);
        var next = reader.ReadAsync().AsTask();
        next.IsCompleted.Should().BeFalse();
        await _pair.A.Output.SendAsync("x");
        reader.AdvanceTo((await next.Within()).Buffer.End);
    }

    [Fact]
    public async Task ReadAsync_TokenCancelled_ThrowsAndTheNextReadGetsTheBytes()
    {
        var reader = _pair.B.Input;
        using var source = new CancellationTokenSource();
        var waiting = reader.ReadAsync(source.Token).AsTask();
        await source.CancelAsync();
        var wait = async () => await waiting.Within();
        (await wait.Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(source.Token);
        await _pair.A.Output.SendAsync("later");
        (await reader.TakeTextAsync(5)).Should().Be("later");

        var early = async () => await reader.ReadAsync(source.Token);
        await early.Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task ReadAsync_CancelledOverAndOverWhileBytesCome_LosesNone()
    {
        const int Total = 200_000;
        var sending = TimeLimit.Run(async () =>
        {
            for (var i = 0; i < Total / 100; i++)
            {
                await _pair.A.Output.WriteAsync(Enumerable.Range(0, 100).Select(at => (byte)((i * 100) + at)).ToArray());
            }
        });
        var reader = _pair.B.Input;
        var received = 0;
        while (received < Total)
        {
            using var source = new CancellationTokenSource();
            try
            {
                var waiting = reader.ReadAsync(source.Token);
                if ((received & 1) == 0)
                {
                    await source.CancelAsync();
                }
                else
                {
                    reader.CancelPendingRead();
                }

                var result = await waiting.Within();
                foreach (var segment in result.Buffer)
                {
                    foreach (var value in segment.Span)
                    {
                        if (value != (byte)received++)
                        {
                            throw new InvalidOperationException($"Wrong byte at {received}.");
                        }
                    }
                }

                reader.AdvanceTo(result.Buffer.End);
            }
            catch (OperationCanceledException)
            {
                await Task.Yield();
            }
        }

        await sending;
    }

    [Fact]
    public async Task ReadAsync_AtTheEnd_KeepsSayingSo()
    {
        await _pair.A.Output.SendAsync("end");
        await _pair.A.Output.CompleteAsync();
        var reader = _pair.B.Input;
        var result = await reader.ReadAtLeastAsync(4).Within();
        result.IsCompleted.Should().BeTrue();
        Text(result.Buffer).Should().Be("end");
        reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        (await reader.ReadAsync().Within()).IsCompleted.Should().BeTrue();
        reader.AdvanceTo(result.Buffer.End);
        reader.TryRead(out var last).Should().BeTrue();
        last.IsCompleted.Should().BeTrue();
        last.Buffer.IsEmpty.Should().BeTrue();
        reader.AdvanceTo(last.Buffer.End);
    }

    [Fact]
    public async Task ReadAsync_WhileOneIsPending_IsRefused()
    {
        var reader = _pair.B.Input;
        var waiting = reader.ReadAsync();
        var second = async () => await reader.ReadAsync();
        await second.Should().ThrowAsync<InvalidOperationException>();
        await _pair.A.Output.SendAsync("x");
        reader.AdvanceTo((await waiting.Within()).Buffer.End);
    }

    [Fact]
    public async Task Complete_WithUnreadBytes_ReturnsTheirBlocks()
    {
        await _pair.A.Output.SendAsync("never read");
        var result = await _pair.B.Input.ReadAsync().Within();
        _pair.B.Input.AdvanceTo(result.Buffer.Start);
        _pool.RentedCount.Should().BeGreaterThan(0);
        await _pair.B.Input.CompleteAsync();
        _pool.RentedCount.Should().Be(0);
        _pair.B.Input.Invoking(reader => reader.TryRead(out _)).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public async Task Dispose_WhileTheConsumerHoldsBytes_LeavesThemUntilItAdvances()
    {
        await _pair.A.Output.SendAsync("held");
        var result = await _pair.B.Input.ReadAtLeastAsync(4).Within();
        await _pair.B.DisposeAsync().Within();
        Text(result.Buffer).Should().Be("held");
        _pool.RentedCount.Should().BeGreaterThan(0);
        _pair.B.Input.AdvanceTo(result.Buffer.Start);
        _pool.RentedCount.Should().Be(0);
    }

    [Fact]
    public async Task Blocks_InBulk_GrowTo64KiBAndShrinkAgain()
    {
        using var sizes = new RecordingPool();
        var (a, b) = await TcpLinkPair.CreateSocketsAsync();
        await using var sender = new SocketConnection(a, _pool);
        await using var receiver = new SocketConnection(b, sizes);
        var writing = sender.Output.WriteAsync(new byte[4 * 1024 * 1024]).AsTask();
        await receiver.Input.TakeAsync(1);
        for (var left = (4 * 1024 * 1024) - 1; left > 0;)
        {
            var result = await receiver.Input.ReadAsync().Within();
            left -= (int)result.Buffer.Length;
            receiver.Input.AdvanceTo(result.Buffer.End);
        }

        await writing.Within();
        sizes.Asked.First().Should().Be(4096);
        sizes.Asked.Should().Contain(65536);
        for (var i = 0; i < 4; i++)
        {
            await sender.Output.SendAsync("small");
            await receiver.Input.TakeTextAsync(5);
        }

        sizes.Asked.Last().Should().Be(4096);
        await receiver.Input.CompleteAsync();
    }

    private static string Text(ReadOnlySequence<byte> bytes) => Encoding.ASCII.GetString(bytes);

    private sealed class RecordingPool : MemoryPool<byte>
    {
        public List<int> Asked { get; } = [];

        public override int MaxBufferSize => Shared.MaxBufferSize;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            Asked.Add(minBufferSize);
            return Shared.Rent(minBufferSize);
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
