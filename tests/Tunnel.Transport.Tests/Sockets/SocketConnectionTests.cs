using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public abstract class SocketConnectionTests(SocketConnectionOptions options) : IAsyncLifetime
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
    public async Task Link_TextBothWays_Arrives()
    {
        await _pair.A.Output.SendAsync("ping");
        (await _pair.B.Input.TakeTextAsync(4)).Should().Be("ping");
        await _pair.B.Output.SendAsync("pong");
        (await _pair.A.Input.TakeTextAsync(4)).Should().Be("pong");
    }

    [Fact]
    public async Task Output_Completed_EndsThatDirectionOnly()
    {
        await _pair.A.Output.SendAsync("bye");
        await _pair.A.Output.CompleteAsync().Within();
        (await _pair.B.Input.TakeAllAsync()).Should().Equal("bye"u8.ToArray());

        await _pair.B.Output.SendAsync("still here");
        (await _pair.A.Input.TakeTextAsync(10)).Should().Be("still here");
        await _pair.B.Output.CompleteAsync().Within();
        (await _pair.A.Input.TakeAllAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task Output_CompletedWithoutFlush_SendsWhatWasCollectedFirst()
    {
        "unflushed"u8.CopyTo(_pair.A.Output.GetSpan(9));
        _pair.A.Output.Advance(9);
        _pair.A.Output.UnflushedBytes.Should().Be(9);
        _pair.A.Output.Complete();
        (await _pair.B.Input.TakeAllAsync()).Should().Equal("unflushed"u8.ToArray());
    }

    [Fact]
    public async Task Output_CompletedWithError_ResetsThePeer()
    {
        await _pair.A.Output.CompleteAsync(new InvalidOperationException("torn")).Within();
        var read = async () => await _pair.B.Input.ReadAsync().Within();
        (await read.Should().ThrowAsync<ConnectionBrokenException>()).Which.Reason.Should().Be(ConnectionBreak.PeerReset);
    }

    [Fact]
    public async Task Abort_WithBothSidesWaiting_FailsOursAsAbortedAndThePeersAsReset()
    {
        var ours = _pair.A.Input.ReadAsync().AsTask();
        var peers = _pair.B.Input.ReadAsync().AsTask();
        _pair.A.Abort();
        _pair.A.Abort();
        (await Breaks(ours)).Reason.Should().Be(ConnectionBreak.Aborted);
        (await Breaks(peers)).Reason.Should().Be(ConnectionBreak.PeerReset);

        // Both halves keep telling the same, as often as they are asked.
        (await Breaks(_pair.A.Input.ReadAsync().AsTask())).Reason.Should().Be(ConnectionBreak.Aborted);
        (await Breaks(_pair.A.Output.WriteAsync(new byte[1]).AsTask())).Reason.Should().Be(ConnectionBreak.Aborted);
        (await Breaks(_pair.B.Output.WriteAsync(new byte[1]).AsTask())).Reason.Should().Be(ConnectionBreak.PeerReset);
        (await Breaks(_pair.B.Input.ReadAsync().AsTask())).Reason.Should().Be(ConnectionBreak.PeerReset);
    }

    [Fact]
    public async Task Dispose_WithoutCompletingOutput_ResetsThePeer()
    {
        await _pair.A.Output.SendAsync("half a messa");
        (await _pair.B.Input.TakeTextAsync(4)).Should().Be("half");
        await _pair.A.DisposeAsync().Within();
        (await Breaks(DrainAsync(_pair.B))).Reason.Should().Be(ConnectionBreak.PeerReset);
    }

    [Fact]
    public async Task Dispose_AfterCompletingOutputWithAReadPending_EndsInOrder()
    {
        var pending = _pair.A.Input.ReadAsync().AsTask();
        await _pair.A.Output.SendAsync("all of it");
        await _pair.A.Output.CompleteAsync().Within();
        await _pair.A.DisposeAsync().Within();
        (await Breaks(pending)).Reason.Should().Be(ConnectionBreak.Aborted);
        (await _pair.B.Input.TakeAllAsync()).Should().Equal("all of it"u8.ToArray());
    }

    [Fact]
    public async Task Write_ToAPeerThatWentAway_FailsWithTheDocumentedType()
    {
        _pair.B.Abort();
        var write = async () =>
        {
            while (true)
            {
                await _pair.A.Output.WriteAsync(new byte[100]).Within();
            }
        };
        (await write.Should().ThrowAsync<ConnectionBrokenException>()).Which.Reason.Should().Be(ConnectionBreak.PeerReset);

        // The write was told about the reset; the read must not take what follows for an orderly end.
        (await Breaks(_pair.A.Input.ReadAsync().AsTask())).Reason.Should().Be(ConnectionBreak.PeerReset);
        _pool.RentedCount.Should().Be(0);
    }

    [Fact]
    public async Task Link_WaitingOnBothSides_HoldsNoMemory()
    {
        await _pair.A.Output.SendAsync("x");
        (await _pair.B.Input.TakeTextAsync(1)).Should().Be("x");
        var a = _pair.A.Input.ReadAsync();
        var b = _pair.B.Input.ReadAsync();
        _pool.RentedCount.Should().Be(0);
        await _pair.A.Output.SendAsync("y");
        await _pair.B.Output.SendAsync("z");
        _pair.B.Input.AdvanceTo((await b.Within()).Buffer.End);
        _pair.A.Input.AdvanceTo((await a.Within()).Buffer.End);
        _pool.RentedCount.Should().Be(0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(70_000)]
    [InlineData(3_000_000)]
    public async Task Link_BigTransferInWritesOfAnySize_ArrivesUnchanged(int writeSize)
    {
        var total = Math.Min(32 * 1024 * 1024, writeSize * 20_000L);
        var sending = SendRandomAsync(_pair.A, total, writeSize);
        var backwards = SendRandomAsync(_pair.B, total, writeSize);
        var received = HashAsync(_pair.B);
        var receivedBackwards = HashAsync(_pair.A);
        (await received.Within()).Should().Be(await sending.Within());
        (await receivedBackwards.Within()).Should().Be(await backwards.Within());
        await _pool.WhenEmptyAsync().Within();
    }

    [Fact]
    public async Task Flush_WithASlowReader_WaitsAndLosesNothing()
    {
        var payload = RandomNumberGenerator.GetBytes(24 * 1024 * 1024);
        var writing = WriteAllAsync(_pair.A, payload);
        (await _pair.B.Input.TakeAsync(1)).Should().Equal(payload[0]);
        writing.IsCompleted.Should().BeFalse("no socket buffers that much");
        (await _pair.B.Input.TakeAllAsync()).Should().Equal(payload[1..]);
        await writing.Within();
    }

    [Fact]
    public async Task EndPoints_OfAMappedAddress_ArePlainIPv4()
    {
        using var listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        listener.Bind(new IPEndPoint(IPAddress.Loopback.MapToIPv6(), 0));
        listener.Listen();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port).Within();
        await using var accepted = new SocketConnection(await listener.AcceptAsync().Within(), _pool);
        await using var connected = new SocketConnection(client, _pool);
        accepted.LocalEndPoint.Should().Be(connected.RemoteEndPoint);
        accepted.RemoteEndPoint.Should().Be(connected.LocalEndPoint);
        accepted.RemoteEndPoint.Address.Should().Be(IPAddress.Loopback);
    }

    private static async Task<ConnectionBrokenException> Breaks(Task task)
    {
        var wait = async () => await task.Within();
        return (await wait.Should().ThrowAsync<ConnectionBrokenException>()).Which;
    }

    private static async Task DrainAsync(SocketConnection connection)
    {
        while (true)
        {
            var result = await connection.Input.ReadAsync();
            connection.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    private static async Task WriteAllAsync(SocketConnection connection, byte[] payload)
    {
        await connection.Output.WriteAsync(payload);
        await connection.Output.CompleteAsync();
    }

    private static async Task<string> SendRandomAsync(SocketConnection connection, long total, int writeSize)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var random = new Random(7);
        for (long sent = 0; sent < total;)
        {
            var size = (int)Math.Min(writeSize, total - sent);
            for (var left = size; left > 0;)
            {
                var span = connection.Output.GetSpan();
                span = span[..Math.Min(span.Length, left)];
                random.NextBytes(span);
                hash.AppendData(span);
                connection.Output.Advance(span.Length);
                left -= span.Length;
            }

            sent += size;
            await connection.Output.FlushAsync();
        }

        await connection.Output.CompleteAsync();
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static async Task<string> HashAsync(SocketConnection connection)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (true)
        {
            var result = await connection.Input.ReadAsync();
            foreach (var segment in result.Buffer)
            {
                hash.AppendData(segment.Span);
            }

            connection.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return Convert.ToHexString(hash.GetHashAndReset());
            }
        }
    }
}
