using System.Buffers;
using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.EventThreads;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.EventThreads;

/// <summary>Linux has these loops; elsewhere there is nothing to test.</summary>
public sealed class EventLoopTests
{
    private readonly Tally _runs = new();
    private readonly List<(int Number, EventLoop? Loop)> _order = [];

    [Fact]
    public void Loops_OnLinux_AreOneForEachProcessor() =>
        EventLoop.All.Should().HaveCount(OperatingSystem.IsLinux() ? Environment.ProcessorCount : 0);

    [Fact]
    public async Task PutOff_OnTheLoop_RunsThereInOrderAndWhatItPutsOffComesLast()
    {
        if (EventLoop.Next() is not { } loop)
        {
            return;
        }

        int ranWhileBusy = -1;
        loop.Ask(() =>
        {
            loop.PutOff(Note, 1);
            EventThreadScheduler.Shared.Schedule(
                state =>
                {
                    EventThreadScheduler.Shared.Schedule(Note, 4);
                    Note(state);
                },
                2);
            loop.PutOff(Note, 3);
            ranWhileBusy = _order.Count;
        });
        await _runs.WhenAsync(4);
        ranWhileBusy.Should().Be(0);
        _order.Should().Equal((1, loop), (2, loop), (3, loop), (4, loop));
    }

    [Fact]
    public async Task Ask_FromManyThreads_HearsEveryOne()
    {
        if (EventLoop.Next() is not { } loop)
        {
            return;
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                loop.Ask(() => Note(thread));
            }
        }))).Within();
        await _runs.WhenAsync(4000);
        _order.Should().OnlyContain(run => run.Loop == loop);
    }

    [Fact]
    public async Task Schedule_FromAnotherThread_RunsOnThePool()
    {
        EventThreadScheduler.Shared.Schedule(Note, 1);
        await _runs.WhenAsync(1);
        _order.Should().Equal((1, null));
    }

    [Fact]
    public async Task Watch_ThreadThatIsHeldUp_SaysForHowLongAndAsksAgainOnlyThen()
    {
        if (EventLoop.Next() is not { } loop)
        {
            return;
        }

        using var isHeld = new SemaphoreSlim(0);
        using var letGo = new SemaphoreSlim(0);
        var time = new FakeTimeProvider();
        var heard = new ConcurrentQueue<TimeSpan>();
        await using var watch = new EventThreadWatch(
            time,
            after =>
            {
                heard.Enqueue(after);
                _runs.Add();
            },
            [loop]);
        loop.Ask(() =>
        {
            isHeld.Release();
            letGo.Wait();
        });
        await isHeld.WaitAsync().Within();
        time.Advance(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(1));
        heard.Should().BeEmpty();
        letGo.Release();
        await _runs.WhenAsync(1);
        heard.Should().Equal(TimeSpan.FromSeconds(2));
        time.Advance(TimeSpan.FromSeconds(1));
        await _runs.WhenAsync(2);
        heard.Should().Equal(TimeSpan.FromSeconds(2), TimeSpan.Zero);
    }

    /// <summary>A receive stops at the urgent mark, with bytes left behind it of which no event tells.</summary>
    [Fact]
    public async Task UrgentByte_WithMoreBehindIt_HoldsNothingUp()
    {
        (Socket near, Socket far) = await TcpLinkPair.CreateSocketsAsync();
        using Socket peer = far;
        await using var connection = new SocketConnection(near, MemoryPool<byte>.Shared);
        for (int round = 0; round < 50; round++)
        {
            peer.Send("before"u8);
            peer.Send("!"u8, SocketFlags.OutOfBand);
            peer.Send("after"u8);
            (await connection.Input.TakeTextAsync(11)).Should().Be("beforeafter");
        }

        await connection.Input.CompleteAsync();
    }

    [Fact]
    public async Task BytesAndTheEndAtOnce_AreBothHeard()
    {
        for (int round = 0; round < 200; round++)
        {
            (Socket near, Socket far) = await TcpLinkPair.CreateSocketsAsync();
            far.Send("all there is"u8);
            far.Dispose();
            await using var connection = new SocketConnection(near, MemoryPool<byte>.Shared);
            (await connection.Input.TakeAllAsync()).Should().Equal("all there is"u8.ToArray());
            await connection.Input.CompleteAsync();
        }
    }

    [Fact]
    public async Task Quiet_UntilThePeerSpeaksOrEnds_WithoutAskingTheSystem()
    {
        (Socket near, Socket far) = await TcpLinkPair.CreateSocketsAsync();
        await using var connection = new SocketConnection(near, MemoryPool<byte>.Shared);
        connection.IsQuiet(isSure: false).Should().BeTrue();
        connection.IsQuiet(isSure: true).Should().BeTrue();
        far.Send("!"u8);
        await Eventually.TrueAsync(() => !connection.IsQuiet(isSure: false));
        (await connection.Input.TakeTextAsync(1)).Should().Be("!");
        connection.IsQuiet(isSure: false).Should().BeTrue();
        far.Dispose();
        await Eventually.TrueAsync(() => !connection.IsQuiet(isSure: false));
        await connection.Input.CompleteAsync();
    }

    private void Note(object? number)
    {
        lock (_order)
        {
            _order.Add(((int)number!, EventLoop.OfThisThread));
        }

        _runs.Add();
    }
}
