using System.Net;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Sessions;

namespace Tunnel.Framing.Tests.Flow;

public sealed class ProcessMemoryTests
{
    private const long Limit = 24 * 1024 * 1024;
    private const long EachStream = ProcessMemory.ConnectionReserve + ProcessMemory.SystemReserve;

    private static readonly VisitorAddress Greedy = Visitor("203.0.113.7");
    private static readonly VisitorAddress Modest = Visitor("198.51.100.9");

    [Fact]
    public void HasRoomFor_WhoeverHoldsMost_StopsAtTwoThirds()
    {
        var memory = new ProcessMemory(Limit);
        int streams = Fill(memory, Greedy);
        (streams * EachStream).Should().Be(Limit / 3 * 2);
        memory.HasRoomFor(Modest).Should().BeTrue("the rest is for those who hold little");
        memory.HasRoomFor(Visitor("203.0.113.7", port: 2)).Should().BeFalse("another port is not another visitor");
        for (int i = 0; i < streams; i++)
        {
            memory.Closed(Greedy);
        }

        memory.Used.Should().Be(0);
        memory.HasRoomFor(Greedy).Should().BeTrue();
    }

    [Fact]
    public void HasRoomFor_WhenAllIsUsed_IsNobody()
    {
        long held = Limit;
        var memory = new ProcessMemory(Limit, () => held);
        memory.HasRoomFor(Modest).Should().BeTrue("what is held elsewhere is looked up only now and then while little is known to be used");
        _ = memory.Used;
        memory.HasRoomFor(Modest).Should().BeFalse();
        held = 0;
        memory.HasRoomFor(Modest).Should().BeTrue("what was looked up once is not believed for ever");
    }

    [Fact]
    public void HasRoomFor_IsAskedOften_FindsWhatIsHeldElsewhere()
    {
        var memory = new ProcessMemory(Limit, () => Limit);
        Enumerable.Range(0, 20).Count(_ => memory.HasRoomFor(Modest)).Should().BeLessThan(20);
    }

    [Fact]
    public void HasRoomFor_OneIPv6Network_IsOneVisitor()
    {
        var memory = new ProcessMemory(Limit);
        Fill(memory, Visitor("2001:db8::1"));
        memory.HasRoomFor(Visitor("2001:db8::2")).Should().BeFalse();
        memory.HasRoomFor(Visitor("2001:db8:0:1::2")).Should().BeTrue();
    }

    [Fact]
    public void TryDraw_WindowsOnlyGrowIntoTheFirstHalf()
    {
        var memory = new ProcessMemory(Limit);
        memory.IsEasy.Should().BeTrue();
        memory.TryDraw(Limit / 2).Should().BeTrue();
        (memory.IsEasy, memory.IsTight).Should().Be((false, false));
        memory.TryDraw(1).Should().BeFalse();
        memory.Draw(1);
        memory.IsTight.Should().BeTrue();
        memory.Return((Limit / 2) + 1);
        memory.Used.Should().Be(0);
    }

    [Fact]
    public void Used_WhatConnectionsHold_CountsBeyondTheirReservesOnly()
    {
        long held = ProcessMemory.ConnectionReserve;
        var memory = new ProcessMemory(Limit, () => held);
        memory.Opened(Modest);
        memory.Used.Should().Be(EachStream, "the reserve is for that");
        held += 1000;
        memory.Used.Should().Be(EachStream + 1000);
    }

    [Fact]
    public async Task Open_WithoutMemory_IsRefusedAsTooBusyAndIsNoFlood()
    {
        var memory = new ProcessMemory(Limit, () => Limit);
        _ = memory.Used;
        await using var session = new RawSession(LinkRole.Agent, new SessionOptions { ProcessMemory = memory, FloodAtOnce = 1, FloodPerSecond = 1 });
        for (uint id = 2; id < 22; id += 2)
        {
            await session.Peer.SendOpenAsync(id, [], fin: true);
            RawFrame reset = await session.Peer.ExpectAsync(FrameKind.Reset);
            (reset.StreamId, reset.Code).Should().Be((id, (ushort)ResetCode.TooBusy));
        }

        session.Session.OpenStreams.Should().Be(0);
    }

    [Fact]
    public async Task Streams_ThatHaveEnded_HoldNothing()
    {
        var memory = new ProcessMemory(Limit);
        await using var session = new RawSession(LinkRole.Agent, new SessionOptions { ProcessMemory = memory });
        TunnelStream whole = await session.AcceptAsync(2, "all", fin: true);
        memory.Used.Should().Be(EachStream, "nothing more comes, so no window is kept for it");
        TunnelStream open = await session.AcceptAsync(4, "some");
        memory.Used.Should().Be((2 * EachStream) + ProtocolLimits.LeastWindow);
        whole.Output.Complete();
        whole.Dispose();
        await session.Peer.ExpectAsync(FrameKind.Data);
        open.Dispose();
        await session.Peer.ExpectAsync(FrameKind.Reset);
        await session.Peer.SendResetAsync(4, (ushort)ResetCode.Cancelled);
        await session.SettleAsync();
        memory.Used.Should().Be(0);
    }

    private static int Fill(ProcessMemory memory, VisitorAddress visitor)
    {
        int streams = 0;
        while (memory.HasRoomFor(visitor))
        {
            memory.Opened(visitor);
            streams++;
        }

        return streams;
    }

    private static VisitorAddress Visitor(string address, int port = 1) => VisitorAddress.From(new IPEndPoint(IPAddress.Parse(address), port));
}
