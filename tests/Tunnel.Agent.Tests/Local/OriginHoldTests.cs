using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.TestSupport;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Tests.Local;

/// <summary>A connection ends with its stream, and with no other one.</summary>
public sealed class OriginHoldTests
{
    [Fact]
    public async Task Connection_InUse_EndsWhenTheVisitorLeaves() => await RunAsync(async (visitor, stream, connection, origin) =>
    {
        OriginHold hold = Begun(stream);
        hold.Use(connection);
        CancellationToken gone = hold.Gone;
        gone.IsCancellationRequested.Should().BeFalse();
        visitor.Abort(ResetCode.Cancelled);
        Func<Task> read = async () => await connection.Input.ReadAsync().AsTask().Within();
        await read.Should().ThrowAsync<ConnectionBrokenException>();
        hold.IsGone.Should().BeTrue();
        await Eventually.TrueAsync(() => gone.IsCancellationRequested);
    });

    [Fact]
    public async Task Connection_LetGoOf_OutlivesTheStream() => await RunAsync(async (visitor, stream, connection, origin) =>
    {
        OriginHold hold = Begun(stream);
        hold.Use(connection);
        hold.Release().Should().BeSameAs(connection);
        hold.Release().Should().BeNull();
        visitor.Abort(ResetCode.Cancelled);
        await Eventually.TrueAsync(() => hold.IsGone);
        await origin.SendAsync("alive"u8.ToArray());
        ReadResult read = await connection.Input.ReadAsync().AsTask().Within();
        read.Buffer.Length.Should().Be(5);
        connection.Input.AdvanceTo(read.Buffer.End);
    });

    [Fact]
    public async Task Connection_TakenTooLate_EndsAtOnce() => await RunAsync(async (visitor, stream, connection, origin) =>
    {
        visitor.Abort(ResetCode.Cancelled);
        OriginHold hold = Begun(stream);
        await Eventually.TrueAsync(() => hold.IsGone);
        hold.Use(connection);
        hold.Gone.IsCancellationRequested.Should().BeTrue();
        Func<Task> read = async () => await connection.Input.ReadAsync().AsTask().Within();
        await read.Should().ThrowAsync<ConnectionBrokenException>();
    });

    [Fact]
    public async Task Connection_OfTheNextStream_OutlivesTheOneBefore() => await RunAsync((visitor, before, _, _) => RunAsync(async (_, stream, connection, origin) =>
    {
        OriginHold hold = Begun(before);
        hold.End().Should().BeNull();
        hold.Begin(stream);
        hold.Use(connection);
        visitor.Abort(ResetCode.Cancelled);
        await Eventually.TrueAsync(() => before.ResetCode is not null);
        await origin.SendAsync("alive"u8.ToArray());
        ReadResult read = await connection.Input.ReadAsync().AsTask().Within();
        read.Buffer.Length.Should().Be(5);
        connection.Input.AdvanceTo(read.Buffer.End);
        hold.IsGone.Should().BeFalse();
        hold.Gone.IsCancellationRequested.Should().BeFalse();
    }));

    private static OriginHold Begun(TunnelStream stream)
    {
        var hold = new OriginHold();
        hold.Begin(stream);
        return hold;
    }

    private static async Task RunAsync(Func<TunnelStream, TunnelStream, OriginConnection, Socket, Task> act)
    {
        var link = new MemoryLink();
        var arrived = new Arrivals();
        var server = new Session(LinkRole.Server, new SessionOptions(), new Arrivals());
        var agent = new Session(LinkRole.Agent, new SessionOptions(), arrived);
        Task<SessionEnd>[] running = [server.RunAsync(link.A), agent.RunAsync(link.B)];
        await using var clock = new DeadlineClock(new FakeTimeProvider());
        (Socket near, Socket far) = await TcpLinkPair.CreateSocketsAsync();
        using Socket origin = far;
        var plain = new SocketConnection(near, MemoryPool<byte>.Shared);
        var connection = new OriginConnection(plain, plain, clock);
        using (TunnelStream visitor = server.TryOpen(new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, default, 0))!)
        {
            await visitor.Output.FlushAsync();
            using TunnelStream stream = await arrived.First.Task.Within();
            await act(visitor, stream, connection, origin);
        }

        await connection.CloseAsync(clock);
        clock.Count.Should().Be(0);
        server.Close(CloseCode.Normal, "done");
        await Task.WhenAll(running).Within();
    }

    private sealed class Arrivals : ISessionUser
    {
        public TaskCompletionSource<TunnelStream> First { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void OnStream(TunnelStream stream) => First.SetResult(stream);

        public void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
        {
        }

        public void OnGoAway(GoAwayMessage message)
        {
        }
    }
}
