using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;
using Tunnel.Transport.Tls;

namespace Tunnel.Transport.Tests.Tls;

public sealed class Tls12ConnectionTests() : TlsConnectionTests(SslProtocols.Tls12);

public sealed class Tls13ConnectionTests() : TlsConnectionTests(SslProtocols.Tls13);

/// <summary>The contract of a connection, held over TLS.</summary>
public abstract class TlsConnectionTests(SslProtocols version) : IAsyncLifetime
{
    private readonly LeakCheckingPool _pool = new();
    private TlsLinkPair _pair = null!;

    public async Task InitializeAsync() => _pair = await TlsLinkPair.CreateAsync(_pool, version);

    public async Task DisposeAsync()
    {
        await _pair.A.Input.CompleteAsync();
        await _pair.B.Input.CompleteAsync();
        await _pair.DisposeAsync();
        _pool.Dispose();
    }

    [Fact]
    public async Task Link_TextBothWays_ArrivesAndIsEncryptedWithTheVersionAskedFor()
    {
        _pair.A.Version.Should().Be(version);
        await _pair.A.Output.SendAsync("ping");
        (await _pair.B.Input.TakeTextAsync(4)).Should().Be("ping");
        await _pair.B.Output.SendAsync("pong");
        (await _pair.A.Input.TakeTextAsync(4)).Should().Be("pong");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Output_Completed_EndsThatDirectionOnly(bool clientFirst)
    {
        (TlsConnection first, TlsConnection second) = clientFirst ? (_pair.A, _pair.B) : (_pair.B, _pair.A);
        await first.Output.SendAsync("bye");
        await first.Output.CompleteAsync().Within();
        (await second.Input.TakeAllAsync()).Should().Equal("bye"u8.ToArray());

        byte[] much = RandomNumberGenerator.GetBytes(300_000);
        Task writing = WriteAllAsync(second, much);
        (await first.Input.TakeAllAsync()).Should().Equal(much);
        await writing.Within();
    }

    [Fact]
    public async Task Output_CompletedWhileAReadWaits_EndsInOrderOnBothSides()
    {
        Task<byte[]> ours = _pair.A.Input.TakeAllAsync();
        Task<byte[]> peers = _pair.B.Input.TakeAllAsync();
        await _pair.A.Output.CompleteAsync().Within();
        await _pair.B.Output.CompleteAsync().Within();
        (await ours.Within()).Should().BeEmpty();
        (await peers.Within()).Should().BeEmpty();
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task LinkBelow_EndedWithoutCloseNotify_IsTruncatedAndNotAnEnd(bool byClient)
    {
        (TlsConnection left, IConnection below, TlsConnection reader) = byClient
            ? (_pair.A, _pair.Below.A, _pair.B)
            : (_pair.B, _pair.Below.B, _pair.A);
        await left.Output.SendAsync("some");
        await below.Output.CompleteAsync().Within();
        (await reader.Input.TakeTextAsync(4)).Should().Be("some");
        (await Breaks(reader.Input.ReadAsync().AsTask())).Reason.Should().Be(ConnectionBreak.Truncated);
        (await Breaks(reader.Input.ReadAsync().AsTask())).Reason.Should().Be(ConnectionBreak.Truncated);
        (await Breaks(reader.Output.WriteAsync(new byte[1]).AsTask())).Reason.Should().Be(ConnectionBreak.Truncated);
    }

    /// <summary>Both in one piece, and the link stays open: nothing but the record itself says that it is over.</summary>
    [Fact]
    public async Task CloseNotify_RightBehindData_IsTheEnd()
    {
        using var authority = new TestAuthority();
        using X509Certificate2 certificate = authority.Issue("close.tunnel");
        TcpLinkPair below = await TcpLinkPair.CreateAsync(_pool);
        var options = new SslServerAuthenticationOptions { ServerCertificate = certificate, EnabledSslProtocols = version };
        Task<TlsConnection> accepting = TlsConnection.AcceptAsync(below.B, _pool, options, CancellationToken.None);
        await using var stream = new LinkStream(below.A);
        await using var client = new SslStream(stream, leaveInnerStreamOpen: true);
        await client.AuthenticateAsClientAsync(authority.ClientOptions("close.tunnel")).Within();
        await using TlsConnection server = await accepting.Within();
        Task<byte[]> reading = server.Input.TakeAllAsync();
        stream.Open();
        await client.WriteAsync("last words"u8.ToArray());
        await client.ShutdownAsync();
        await stream.SendAsync(CancellationToken.None);
        (await reading.Within()).Should().Equal("last words"u8.ToArray());
        await server.Input.CompleteAsync();
        await below.A.DisposeAsync();
    }

    [Fact]
    public async Task LinkBelow_CarriesWhatIsNoRecord_IsCorrupt()
    {
        await _pair.Below.A.Output.SendAsync("GET / HTTP/1.1\r\n\r\n");
        (await Breaks(_pair.B.Input.ReadAsync().AsTask())).Reason.Should().Be(ConnectionBreak.Corrupt);
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
        (await Breaks(_pair.A.Output.WriteAsync(new byte[1]).AsTask())).Reason.Should().Be(ConnectionBreak.Aborted);
        (await Breaks(_pair.B.Output.WriteAsync(new byte[1]).AsTask())).Reason.Should().Be(ConnectionBreak.PeerReset);
    }

    [Fact]
    public async Task Output_CompletedWithError_ResetsThePeer()
    {
        await _pair.A.Output.CompleteAsync(new InvalidOperationException("torn")).Within();
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
    public async Task Read_CancelledAndRepeated_LosesNothing()
    {
        for (int i = 0; i < 20; i++)
        {
            var reading = _pair.B.Input.ReadAsync().AsTask();
            _pair.B.Input.CancelPendingRead();
            var read = await reading.Within();
            read.IsCanceled.Should().BeTrue();
            _pair.B.Input.AdvanceTo(read.Buffer.Start);

            using var cancel = new CancellationTokenSource();
            reading = _pair.B.Input.ReadAsync(cancel.Token).AsTask();
            await cancel.CancelAsync();
            await FluentActions.Awaiting(() => reading.Within()).Should().ThrowAsync<OperationCanceledException>();

            await _pair.A.Output.SendAsync("still whole");
            (await _pair.B.Input.TakeTextAsync(11)).Should().Be("still whole");
        }
    }

    [Fact]
    public async Task Flush_ToAPeerThatDoesNotRead_WaitsAndItsCancellationLosesNothing()
    {
        byte[] part = RandomNumberGenerator.GetBytes(64 * 1024);
        int parts = 0;
        Task<System.IO.Pipelines.FlushResult> flushing;
        do
        {
            flushing = _pair.A.Output.WriteAsync(part).AsTask();
            parts++;
        }
        while (flushing.IsCompleted && parts < 10_000);
        _pair.A.Output.CancelPendingFlush();
        (await flushing.Within()).IsCanceled.Should().BeTrue();
        _pair.A.Output.Complete();
        byte[] all = await _pair.B.Input.TakeAllAsync();
        all.Should().HaveCount(parts * part.Length);
        all.AsSpan(all.Length - part.Length).SequenceEqual(part).Should().BeTrue();
    }

    [Fact]
    public async Task BothDirections_AtOnceInBulk_ArriveWhole()
    {
        byte[] up = RandomNumberGenerator.GetBytes(3_000_000);
        byte[] down = RandomNumberGenerator.GetBytes(3_000_000);
        Task<byte[]> atServer = _pair.B.Input.TakeAllAsync();
        Task<byte[]> atClient = _pair.A.Input.TakeAllAsync();
        await Task.WhenAll(WriteAllAsync(_pair.A, up), WriteAllAsync(_pair.B, down)).Within();
        (await atServer.Within()).AsSpan().SequenceEqual(up).Should().BeTrue();
        (await atClient.Within()).AsSpan().SequenceEqual(down).Should().BeTrue();
    }

    [Fact]
    public async Task Link_WaitingOnBothSides_HoldsNoMemory()
    {
        await _pair.A.Output.SendAsync("x");
        (await _pair.B.Input.TakeTextAsync(1)).Should().Be("x");
        await _pair.B.Output.SendAsync("y");
        (await _pair.A.Input.TakeTextAsync(1)).Should().Be("y");
        var ours = _pair.A.Input.ReadAsync().AsTask();
        var peers = _pair.B.Input.ReadAsync().AsTask();
        _pool.RentedCount.Should().Be(0);
        _pair.A.Abort();
        await Breaks(ours);
        await Breaks(peers);
    }

    internal static async Task<ConnectionBrokenException> Breaks(Task task) =>
        (await FluentActions.Awaiting(() => task.Within()).Should().ThrowAsync<ConnectionBrokenException>()).Which;

    private static async Task DrainAsync(TlsConnection connection)
    {
        while (true)
        {
            var read = await connection.Input.ReadAsync();
            connection.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private static async Task WriteAllAsync(TlsConnection connection, byte[] bytes)
    {
        for (int at = 0; at < bytes.Length; at += 50_000)
        {
            await connection.Output.WriteAsync(bytes.AsMemory(at, Math.Min(50_000, bytes.Length - at)));
        }

        await connection.Output.CompleteAsync();
    }
}
