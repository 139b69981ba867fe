using System.Buffers;
using System.Security.Cryptography;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public abstract class SocketPipeWriterTests(SocketConnectionOptions options) : IAsyncLifetime
{
    // More than two loopback sockets take between them.
    private const int TooMuch = 24 * 1024 * 1024;

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
    public async Task Flush_OfManyBlocks_SendsThemInOrderAndReturnsThem()
    {
        var payload = RandomNumberGenerator.GetBytes(700_000);
        var receiving = _pair.B.Input.TakeAllAsync();
        for (var at = 0; at < payload.Length;)
        {
            var span = _pair.A.Output.GetSpan(1);
            var some = Math.Min(Math.Min(span.Length, 3_001), payload.Length - at);
            payload.AsSpan(at, some).CopyTo(span);
            _pair.A.Output.Advance(some);
            at += some;
        }

        _pair.A.Output.UnflushedBytes.Should().Be(payload.Length);
        await _pair.A.Output.FlushAsync().Within();
        _pair.A.Output.UnflushedBytes.Should().Be(0);
        await _pair.A.Output.CompleteAsync().Within();
        (await receiving).Should().Equal(payload);
    }

    [Fact]
    public async Task GetMemory_WithAHintLargerThanAnyBlock_GetsIt()
    {
        var memory = _pair.A.Output.GetMemory(200_000);
        memory.Length.Should().BeGreaterThanOrEqualTo(200_000);
        memory.Span[..200_000].Fill(7);
        _pair.A.Output.Advance(200_000);
        var flushing = _pair.A.Output.FlushAsync().AsTask();
        (await _pair.B.Input.TakeAsync(200_000)).Should().OnlyContain(value => value == 7);
        await flushing.Within();
    }

    [Fact]
    public async Task GetMemory_NeverUsed_IsReturnedByTheFlush()
    {
        _pair.A.Output.GetMemory();
        await _pair.A.Output.FlushAsync().Within();
        _pool.RentedCount.Should().Be(0);
    }

    [Fact]
    public void Advance_BeyondTheMemory_IsRefused()
    {
        var length = _pair.A.Output.GetMemory().Length;
        _pair.A.Output.Invoking(writer => writer.Advance(length + 1)).Should().Throw<ArgumentOutOfRangeException>();
        _pair.A.Output.Invoking(writer => writer.Advance(-1)).Should().Throw<ArgumentOutOfRangeException>();
        _pair.A.Output.Advance(0);
    }

    [Fact]
    public async Task CancelPendingFlush_WhileTheSocketIsFull_EndsTheWaitAndSendsOn()
    {
        var payload = RandomNumberGenerator.GetBytes(TooMuch);
        var flushing = _pair.A.Output.WriteAsync(payload).AsTask();
        flushing.IsCompleted.Should().BeFalse();
        _pair.A.Output.CancelPendingFlush();
        (await flushing.Within()).IsCanceled.Should().BeTrue();

        await ThenEverythingArrives(payload);
    }

    [Fact]
    public async Task Flush_TokenCancelledWhileTheSocketIsFull_EndsTheWaitAndSendsOn()
    {
        var payload = RandomNumberGenerator.GetBytes(TooMuch);
        using var source = new CancellationTokenSource();
        var flushing = _pair.A.Output.WriteAsync(payload, source.Token).AsTask();
        await source.CancelAsync();
        var wait = async () => await flushing.Within();
        await wait.Should().ThrowAsync<OperationCanceledException>();

        await ThenEverythingArrives(payload);
    }

    [Fact]
    public async Task CancelPendingFlush_WithNobodyWaiting_ShowsInTheNextFlushOnce()
    {
        _pair.A.Output.CancelPendingFlush();
        (await _pair.A.Output.WriteAsync("a"u8.ToArray()).Within()).IsCanceled.Should().BeTrue();
        (await _pair.A.Output.WriteAsync("b"u8.ToArray()).Within()).IsCanceled.Should().BeFalse();
        (await _pair.B.Input.TakeTextAsync(2)).Should().Be("ab");
    }

    [Fact]
    public async Task Complete_WhileTheSocketIsFull_SendsTheRestAndThenTheEnd()
    {
        var payload = RandomNumberGenerator.GetBytes(TooMuch);
        _pair.A.Output.Write(payload);
        _pair.A.Output.Complete();
        (await _pair.B.Input.TakeAllAsync()).Should().Equal(payload);
    }

    [Fact]
    public async Task Abort_WhileTheSocketIsFull_FailsTheFlushAndReturnsEverything()
    {
        var flushing = _pair.A.Output.WriteAsync(new byte[TooMuch]).AsTask();
        _pair.A.Abort();
        var wait = async () => await flushing.Within();
        (await wait.Should().ThrowAsync<ConnectionBrokenException>()).Which.Reason.Should().Be(ConnectionBreak.Aborted);
        _pool.RentedCount.Should().Be(0);
    }

    [Fact]
    public async Task Flush_OfAPeerThatResetsWhileTheSocketIsFull_FailsAndReturnsEverything()
    {
        var flushing = _pair.A.Output.WriteAsync(new byte[TooMuch]).AsTask();
        _pair.B.Abort();
        var wait = async () => await flushing.Within();
        (await wait.Should().ThrowAsync<ConnectionBrokenException>()).Which.Reason.Should().Be(ConnectionBreak.PeerReset);
        _pool.RentedCount.Should().Be(0);
    }

    [Fact]
    public async Task Dispose_WithBytesNeverFlushed_ReturnsThem()
    {
        _pair.A.Output.Write(new byte[10_000]);
        await _pair.A.DisposeAsync().Within();
        _pool.RentedCount.Should().Be(0);
    }

    [Fact]
    public async Task Complete_AfterDispose_ReturnsWhatWasBeingFilled()
    {
        _pair.A.Output.GetMemory();
        await _pair.A.DisposeAsync().Within();
        _pool.RentedCount.Should().Be(1, "the producer may still write into it");
        await _pair.A.Output.CompleteAsync();
        _pool.RentedCount.Should().Be(0);
        _pair.A.Output.Invoking(writer => writer.GetMemory()).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public async Task Flush_OnAFullSocketWithAnUnsentLimit_StillSendsEverything()
    {
        await using var pair = await TcpLinkPair.CreateAsync(_pool, SocketConnectionOptions.Link with { KeepAliveAfter = TimeSpan.FromSeconds(30) });
        var payload = RandomNumberGenerator.GetBytes(TooMuch);
        var writing = pair.A.Output.WriteAsync(payload).AsTask();
        (await pair.B.Input.TakeAsync(payload.Length)).Should().Equal(payload);
        await writing.Within();
    }

    private async Task ThenEverythingArrives(byte[] payload)
    {
        var second = _pair.A.Output.WriteAsync("and more"u8.ToArray()).AsTask();
        second.IsCompleted.Should().BeFalse("it waits behind what was not sent yet");
        (await _pair.B.Input.TakeAsync(payload.Length)).Should().Equal(payload);
        (await _pair.B.Input.TakeTextAsync(8)).Should().Be("and more");
        (await second.Within()).IsCanceled.Should().BeFalse();
        _pool.RentedCount.Should().Be(0);
    }
}
