using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.EventThreads;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.EventThreads;

/// <summary>Linux has these loops; elsewhere there is nothing to test.</summary>
public sealed class LoopAcceptTests : IAsyncDisposable
{
    private readonly SocketListener _listener = new(BindSpec.At(IPAddress.Loopback, 0), new FakeTimeProvider());
    private readonly Tally _accepted = new();

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    [Fact]
    public async Task Accept_OfMany_IsOnOneLoopAndLetsOthersHaveTheirTurn()
    {
        if (EventLoop.All.Count == 0)
        {
            return;
        }

        List<Socket> clients = [];
        for (int i = 0; i < 40; i++)
        {
            clients.Add(await ConnectAsync());
        }

        var loops = new ConcurrentQueue<EventLoop?>();
        int acceptedBeforeOthers = int.MaxValue;
        await StartAsync(socket =>
        {
            socket.Dispose();
            loops.Enqueue(EventLoop.OfThisThread);
            if (loops.Count == 1)
            {
                EventLoop.OfThisThread?.Ask(() => acceptedBeforeOthers = loops.Count);
            }

            _accepted.Add();
        });
        await _accepted.WhenAsync(clients.Count);
        loops.Should().OnlyContain(loop => loop == loops.First() && loop != null);
        acceptedBeforeOthers.Should().BeInRange(1, 16);
        clients.ForEach(static client => client.Dispose());
    }

    /// <summary>What is done with a connection goes on where its bytes were heard: no thread of the pool is woken for it.</summary>
    [Fact]
    public async Task Connection_FromItsFirstByteToItsEnd_NeverLeavesItsThread()
    {
        if (EventLoop.All.Count == 0)
        {
            return;
        }

        using var pool = new LeakCheckingPool();
        var served = new TaskCompletionSource<Task<EventLoop?[]>>(TaskCreationOptions.RunContinuationsAsynchronously);
        await StartAsync(socket => served.SetResult(ServeAsync(new SocketConnection(socket, pool))));
        using Socket client = await ConnectAsync();
        client.Send("!"u8);
        EventLoop?[] loops = await (await served.Task.Within()).Within();
        loops[0].Should().NotBeNull();
        loops.Should().OnlyContain(loop => loop == loops[0]);
        (await client.ReceiveAsync(new byte[1]).Within()).Should().Be(0);
    }

    // As a program does: without the synchronization context that tests have.
    private Task StartAsync(Action<Socket> onAccepted) => Task.Run(() => _listener.Start(onAccepted));

    private static async Task<EventLoop?[]> ServeAsync(SocketConnection connection)
    {
        connection.Input.AdvanceTo((await connection.Input.ReadAsync()).Buffer.End);
        EventLoop? heard = EventLoop.OfThisThread;

        // A read that waits for the peer to leave, and is given up.
        ValueTask<ReadResult> ahead = connection.Input.ReadAsync();
        connection.Input.CancelPendingRead();
        (await ahead).IsCanceled.Should().BeTrue();
        EventLoop? cancelled = EventLoop.OfThisThread;
        await connection.Output.CompleteAsync();
        await connection.Input.CompleteAsync();
        await connection.DisposeAsync();
        return [heard, cancelled, EventLoop.OfThisThread];
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, _listener.Port).Within();
        return socket;
    }
}
