using System.Buffers;
using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>What stands on the wire, frame by frame.</summary>
public sealed class WireTests
{
    [Fact]
    public async Task Request_CompleteAtOnce_IsOneOpenWithFin()
    {
        await using var session = new RawSession(LinkRole.Server);
        TunnelStream stream = session.Open();
        stream.Output.Write("GET / HTTP/1.1"u8);
        await stream.Output.CompleteAsync();
        RawFrame open = await session.Peer.ExpectAsync(FrameKind.Open);
        open.StreamId.Should().Be(2);
        open.IsFin.Should().BeTrue();
        OpenHeader header = OpenHeader.Read(new ReadOnlySequence<byte>(open.Payload), out ReadOnlySequence<byte> bytes);
        header.AnswerWindow.Should().Be(ProtocolLimits.FirstAnswerWindow);
        bytes.ToArray().Should().Equal("GET / HTTP/1.1"u8.ToArray());

        await session.Peer.SendAsync(2, FrameKind.Data, "ok", fin: true);
        (await stream.Input.TakeAllAsync()).Should().Equal("ok"u8.ToArray());
        stream.Dispose();
        session.Session.OpenStreams.Should().Be(0);
    }

    [Fact]
    public async Task Answer_CompleteAtOnce_IsOneDataWithFin()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync(firstBytes: "GET", fin: true);
        (await stream.Input.TakeAllAsync()).Should().Equal("GET"u8.ToArray());
        stream.Output.Write("200"u8);
        await stream.Output.CompleteAsync();
        RawFrame data = await session.Peer.ExpectAsync(FrameKind.Data);
        (data.StreamId, data.IsFin, data.Text).Should().Be((2u, true, "200"));
    }

    [Fact]
    public async Task Ids_OfStreamsOpened_AreEvenAndRiseInTheOrderSent()
    {
        await using var session = new RawSession(LinkRole.Server);
        TunnelStream[] streams = [session.Open(), session.Open(), session.Open()];
        foreach (TunnelStream stream in streams.Reverse())
        {
            await stream.Output.SendAsync("x");
            (await session.Peer.ExpectAsync(FrameKind.Open)).StreamId.Should().Be(stream.Id);
        }

        streams.Select(stream => stream.Id).Should().Equal(6, 4, 2);
        Array.ForEach(streams, stream => stream.Dispose());
    }

    [Fact]
    public async Task Data_OverSixteenKiB_IsCutIntoFrames()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync(fin: true);
        await stream.Output.WriteAsync(new byte[40_000]).Within();
        await stream.Output.CompleteAsync();
        int bytes = 0;
        RawFrame data;
        do
        {
            data = await session.Peer.ExpectAsync(FrameKind.Data);
            data.Payload.Length.Should().BeLessThanOrEqualTo(ProtocolLimits.SentPayload);
            bytes += data.Payload.Length;
        }
        while (!data.IsFin);
        bytes.Should().Be(40_000);
        stream.Dispose();
    }

    [Fact]
    public async Task Window_Exhausted_StopsDataButNotFinAndGoesOnWithCredit()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync(fin: true, window: ProtocolLimits.LeastWindow);
        await stream.Output.WriteAsync(new byte[ProtocolLimits.LeastWindow + 10]).Within();
        await stream.Output.CompleteAsync();
        int bytes = 0;
        while (bytes < ProtocolLimits.LeastWindow)
        {
            RawFrame data = await session.Peer.ExpectAsync(FrameKind.Data);
            data.IsFin.Should().BeFalse();
            bytes += data.Payload.Length;
        }

        bytes.Should().Be(ProtocolLimits.LeastWindow);
        await session.SettleAsync();
        await session.Peer.SendCreditAsync(2, 10);
        RawFrame last = await session.Peer.ExpectAsync(FrameKind.Data);
        (last.Payload.Length, last.IsFin).Should().Be((10, true));
        stream.Dispose();
    }

    [Fact]
    public async Task Fin_OnAnExhaustedWindow_IsSent()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync(fin: true, window: ProtocolLimits.LeastWindow);
        await stream.Output.WriteAsync(new byte[ProtocolLimits.LeastWindow]).Within();
        for (int bytes = 0; bytes < ProtocolLimits.LeastWindow;)
        {
            bytes += (await session.Peer.ExpectAsync(FrameKind.Data)).Payload.Length;
        }

        await stream.Output.CompleteAsync();
        RawFrame last = await session.Peer.ExpectAsync(FrameKind.Data);
        (last.Payload.Length, last.IsFin).Should().Be((0, true));
        stream.Dispose();
    }

    [Fact]
    public async Task Credit_IsGranted_InBatchesOfHalfAWindow()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        const int Half = ProtocolLimits.LeastWindow / 2;
        await session.Peer.SendAsync(2, FrameKind.Data, new byte[Half - 1]);
        await stream.Input.TakeAsync(Half - 1);
        await session.SettleAsync();
        await session.Peer.SendAsync(2, FrameKind.Data, "x");
        await stream.Input.TakeAsync(1);
        (await session.Peer.ExpectAsync(FrameKind.Credit)).Credit.Should().Be(Half);
        stream.Dispose();
    }

    [Fact]
    public async Task Credit_UserSeesAllAndNeedsMore_IsGrantedBelowHalfAWindow()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        await session.Peer.SendAsync(2, FrameKind.Data, new byte[ProtocolLimits.LeastWindow]);
        await stream.Input.TakeAsync(100);
        ReadResult all = await stream.Input.ReadAtLeastAsync(ProtocolLimits.LeastWindow - 100).Within();
        stream.Input.AdvanceTo(all.Buffer.Start, all.Buffer.End);
        (await session.Peer.ExpectAsync(FrameKind.Credit)).Credit.Should().Be(100);
        stream.Dispose();
    }

    [Fact]
    public async Task Credit_UserReadsNoMore_IsGrantedForWhatIsDropped()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync(firstBytes: "GET");
        await stream.Input.CompleteAsync();
        await session.Peer.SendAsync(2, FrameKind.Data, new byte[ProtocolLimits.LeastWindow - 3]);
        (await session.Peer.ExpectAsync(FrameKind.Credit)).Credit.Should().Be(ProtocolLimits.LeastWindow);
        await session.Peer.SendAsync(2, FrameKind.Data, new byte[ProtocolLimits.LeastWindow]);
        (await session.Peer.ExpectAsync(FrameKind.Credit)).Credit.Should().Be(ProtocolLimits.LeastWindow);

        // All that is left is what the peer has not acknowledged.
        await session.Peer.SendNumberAsync(FrameKind.Ack, session.Peer.Sequenced);
        await session.SettleAsync();
        session.Pool.RentedBytes.Should().Be(0);
        stream.Dispose();
    }

    [Fact]
    public async Task Credit_RoundTripLong_GrowsTheWindow()
    {
        await using var session = new RawSession(LinkRole.Agent);
        RawFrame ping = await session.Peer.ExpectAsync(FrameKind.Ping);
        session.Time.Advance(TimeSpan.FromMilliseconds(200));
        await session.Peer.SendNumberAsync(FrameKind.Pong, ping.Number);
        await session.SettleAsync();
        session.Session.Streams.Clock.LeastRoundTrip.Should().Be(TimeSpan.FromMilliseconds(200));

        // All of it within one round trip: the window is what limits the sender, so it doubles, up to the most.
        TunnelStream stream = await session.AcceptAsync();
        int window = ProtocolLimits.LeastWindow;
        while (window < ProtocolLimits.MostWindow)
        {
            for (int left = window / 2; left > 0; left -= 32_768)
            {
                byte[] some = new byte[Math.Min(left, 32_768)];
                await session.Peer.SendAsync(2, FrameKind.Data, some);
                await stream.Input.TakeAsync(some.Length);
            }

            (await session.Peer.ExpectAsync(FrameKind.Credit)).Credit.Should().Be((uint)((window / 2) + window));
            window *= 2;
        }

        session.Session.Streams.Memory.Used.Should().Be(ProtocolLimits.MostWindow);
        stream.Dispose();
        await session.Peer.ExpectAsync(FrameKind.Reset);
        await session.Peer.SendResetAsync(2, 0);
        await session.SettleAsync();
        session.Session.Streams.Memory.Used.Should().Be(0);
    }

    [Theory]
    [InlineData(1_500)]
    [InlineData(4_000)]
    public async Task RoundTrip_OverASecondWithTrafficAllTheWhile_IsMeasured(int milliseconds)
    {
        const int Step = 250;
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        Queue<(ulong Number, int At)> asked = new();
        for (int now = 0; now < 20_000; now += Step)
        {
            // Every PING is answered, each a round trip after it was sent.
            while (asked.TryPeek(out (ulong Number, int At) ping) && ping.At + milliseconds <= now)
            {
                await session.Peer.SendNumberAsync(FrameKind.Pong, asked.Dequeue().Number);
            }

            await session.Peer.SendAsync(2, FrameKind.Data, "x");
            await stream.Input.TakeAsync(1);
            await session.Peer.SendNumberAsync(FrameKind.Ping, 4711);
            while (await session.Peer.ReadAsync() is { } frame && !(frame.Kind == FrameKind.Pong && frame.Number == 4711))
            {
                if (frame.Kind == FrameKind.Ping)
                {
                    asked.Enqueue((frame.Number, now));
                }
            }

            session.Time.Advance(TimeSpan.FromMilliseconds(Step));
        }

        // A step late at most: a PING may have been read one later than it was sent.
        session.Session.Streams.Clock.LeastRoundTrip.Should().NotBeNull().And.BeCloseTo(TimeSpan.FromMilliseconds(milliseconds), TimeSpan.FromMilliseconds(2 * Step));
        stream.Dispose();
    }

    [Fact]
    public async Task Credit_ConsumerSlowerThanTheRoundTrip_DoesNotGrow()
    {
        await using var session = new RawSession(LinkRole.Agent);
        RawFrame ping = await session.Peer.ExpectAsync(FrameKind.Ping);
        session.Time.Advance(TimeSpan.FromMilliseconds(200));
        await session.Peer.SendNumberAsync(FrameKind.Pong, ping.Number);
        TunnelStream stream = await session.AcceptAsync();
        session.Time.Advance(TimeSpan.FromMilliseconds(200));
        await session.Peer.SendAsync(2, FrameKind.Data, new byte[16_384]);
        await stream.Input.TakeAsync(16_384);
        (await session.Peer.ExpectAsync(FrameKind.Credit)).Credit.Should().Be(16_384);
        stream.Dispose();
    }

    [Fact]
    public async Task Flush_PeerReadsNothing_WaitsWithBoundedMemoryAndGoesOn()
    {
        var options = new SessionOptions { WaitingPerStream = 32 * 1024 };
        await using var session = new RawSession(LinkRole.Agent, options, pauseAt: 4096);
        TunnelStream stream = await session.AcceptAsync(fin: true, window: int.MaxValue);
        ValueTask<FlushResult> flush;
        int written = 0;
        do
        {
            stream.Output.GetSpan(1000)[..1000].Clear();
            stream.Output.Advance(1000);
            written += 1000;
            flush = stream.Output.FlushAsync();
        }
        while (flush.IsCompleted);

        // What waits, the batch under way at the writer, and the block that was begun last.
        session.Pool.RentedBytes.Should().BeLessThanOrEqualTo(options.WaitingPerStream + (64 * 1024) + ProtocolLimits.SentPayload);
        Task<FlushResult> flushed = flush.AsTask();
        for (int read = 0; read < written;)
        {
            read += (await session.Peer.ExpectAsync(FrameKind.Data)).Payload.Length;
        }

        (await flushed.Within()).IsCompleted.Should().BeFalse();
        stream.Dispose();
    }

    [Fact]
    public async Task Flush_PendingWhileTheStreamIsReset_Completes()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync(window: ProtocolLimits.LeastWindow);
        await stream.Output.WriteAsync(new byte[ProtocolLimits.LeastWindow]).Within();
        Task<FlushResult> pending = stream.Output.WriteAsync(new byte[200_000]).AsTask();
        pending.IsCompleted.Should().BeFalse();
        await session.Peer.SendResetAsync(2, (ushort)ResetCode.Cancelled);
        (await pending.Within()).IsCompleted.Should().BeTrue();
        stream.Dispose();
    }

    [Fact]
    public async Task Flush_PendingWhileTheOutputIsCompleted_Completes()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync(window: ProtocolLimits.LeastWindow);
        Task<FlushResult> pending = stream.Output.WriteAsync(new byte[200_000]).AsTask();
        pending.IsCompleted.Should().BeFalse();
        await stream.Output.CompleteAsync();
        (await pending.Within()).IsCompleted.Should().BeFalse();
        stream.Dispose();
    }

    [Fact]
    public async Task CancelPendingFlush_WhileWaiting_ReturnsCanceledOnce()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync(window: ProtocolLimits.LeastWindow);
        Task<FlushResult> pending = stream.Output.WriteAsync(new byte[200_000]).AsTask();
        stream.Output.CancelPendingFlush();
        (await pending.Within()).IsCanceled.Should().BeTrue();
        Task<FlushResult> next = stream.Output.FlushAsync().AsTask();
        next.IsCompleted.Should().BeFalse();
        stream.Abort(ResetCode.Cancelled);
        (await next.Within()).Should().BeEquivalentTo(new { IsCanceled = false, IsCompleted = true });
        stream.Dispose();
    }

    [Fact]
    public async Task CancelPendingFlush_WithNoneWaiting_CancelsTheNext()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        stream.Output.CancelPendingFlush();
        (await stream.Output.FlushAsync().Within()).IsCanceled.Should().BeTrue();
        (await stream.Output.FlushAsync().Within()).IsCanceled.Should().BeFalse();
        stream.Dispose();
    }

    [Fact]
    public async Task AdvanceTo_ADefaultPosition_ConsumesNothing()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync(firstBytes: "GET");
        await stream.Input.ReadAsync().Within();
        stream.Input.AdvanceTo(default);
        (await stream.Input.TakeTextAsync(3)).Should().Be("GET");
        stream.Dispose();
    }

    [Fact]
    public async Task Input_CompletedWithBytesInTheUsersHands_HoldsNoMemory()
    {
        // The CREDIT that this grants takes memory of its own.
        using var inputs = new LeakCheckingPool();
        await using var session = new RawSession(LinkRole.Agent, new SessionOptions { InputPool = inputs });
        TunnelStream stream = await session.AcceptAsync(firstBytes: new string('x', 20_000));
        await stream.Input.ReadAsync().Within();
        inputs.RentedBytes.Should().BeGreaterThanOrEqualTo(20_000);
        await stream.Input.CompleteAsync();
        inputs.RentedBytes.Should().Be(0);
        stream.Dispose();
    }

    [Fact]
    public async Task CancelPendingRead_ReturnsCanceledAndTheStreamGoesOn()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        Task<ReadResult> read = stream.Input.ReadAsync().AsTask();
        stream.Input.CancelPendingRead();
        ReadResult canceled = await read.Within();
        canceled.IsCanceled.Should().BeTrue();
        stream.Input.AdvanceTo(canceled.Buffer.End);
        await session.Peer.SendAsync(2, FrameKind.Data, "x");
        (await stream.Input.TakeTextAsync(1)).Should().Be("x");
        stream.Dispose();
    }

    [Fact]
    public async Task Ack_After100Milliseconds_IsSentOnce()
    {
        await using var session = new RawSession(LinkRole.Agent);
        await session.Peer.ExpectAsync(FrameKind.Ping);
        TunnelStream stream = await session.AcceptAsync(firstBytes: "GET");
        session.Session.Counts.Received.Should().Be(8 + OpenHeader.LeastSize + 3);

        // The reader loop may not have come to the end of its batch yet, and only there does the time begin.
        DateTimeOffset begun = session.Time.GetUtcNow();
        Task<RawFrame> ack = session.Peer.ExpectAsync(FrameKind.Ack);
        await Eventually.TrueAsync(() =>
        {
            session.Time.Advance(TimeSpan.FromMilliseconds(1));
            return ack.IsCompleted;
        });
        (await ack).Number.Should().Be(8 + OpenHeader.LeastSize + 3);
        (session.Time.GetUtcNow() - begun).Should().BeGreaterThanOrEqualTo(TimeSpan.FromMilliseconds(100));
        session.Time.Advance(TimeSpan.FromMilliseconds(200));
        await session.Peer.Link.Input.AssertNothingAsync();
        stream.Dispose();
    }

    [Fact]
    public async Task Ack_Of512KiB_IsSentAtOnce()
    {
        await using var session = new RawSession(LinkRole.Server);
        TunnelStream stream = await session.OpenAndFlushAsync();
        ulong sent = 0;
        RawFrame? ack = null;
        byte[] payload = new byte[32 * 1024];
        while (sent < ProtocolLimits.AckEvery)
        {
            await session.Peer.SendAsync(2, FrameKind.Data, payload);
            sent += (ulong)payload.Length + 8;
            await stream.Input.TakeAsync(payload.Length);
        }

        // Credit may have carried one along earlier; the one that covers all must come without the clock moving.
        while (ack is null || ack.Number < sent)
        {
            RawFrame frame = await session.Peer.ExpectAsync(FrameKind.Ack, FrameKind.Credit);
            ack = frame.Kind == FrameKind.Ack ? frame : ack;
        }

        ack.Number.Should().Be(sent);
        stream.Dispose();
    }

    [Fact]
    public async Task Ack_GoesAlongWithWhateverIsSent()
    {
        await using var session = new RawSession(LinkRole.Agent);
        await session.Peer.ExpectAsync(FrameKind.Ping);
        TunnelStream stream = await session.AcceptAsync(fin: true);
        await stream.Output.SendAsync("200");
        RawFrame first = (await session.Peer.ReadAsync())!;
        RawFrame second = (await session.Peer.ReadAsync())!;
        (first.Kind, first.Number, second.Kind).Should().Be((FrameKind.Ack, (ulong)(8 + OpenHeader.LeastSize), FrameKind.Data));
        stream.Dispose();
    }

    [Fact]
    public async Task Pings_ReadTogether_AreAnsweredByTheNewest()
    {
        await using var session = new RawSession(LinkRole.Agent);
        byte[] two = [.. RawPeer.Frame(0, FrameKind.Ping, [0, 0, 0, 0, 0, 0, 0, 1]), .. RawPeer.Frame(0, FrameKind.Ping, [0, 0, 0, 0, 0, 0, 0, 2])];
        await session.Peer.SendAsync(two);
        RawFrame pong;
        do
        {
            pong = await session.Peer.ExpectAsync(FrameKind.Pong);
        }
        while (pong.Number != 2);
    }

    [Fact]
    public async Task Reset_Received_DropsWhatWaitsAndIsAnsweredWhenLetGo()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync(window: ProtocolLimits.LeastWindow);
        await session.Peer.SendResetAsync(2, (ushort)ResetCode.Cancelled, "left");
        await FluentActions.Awaiting(() => stream.Input.TakeAllAsync()).Should().ThrowAsync<StreamResetException>();
        await stream.Output.WriteAsync("dropped"u8.ToArray()).Within();
        await session.SettleAsync();
        stream.Dispose();
        RawFrame answer = await session.Peer.ExpectAsync(FrameKind.Reset);
        (answer.Code, answer.Sentence).Should().Be(((ushort)ResetCode.Cancelled, ""));
        session.Session.OpenStreams.Should().Be(0);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(16)]
    [InlineData(65535)]
    public async Task Reset_WithAnUnknownCode_IsReadAsInternalError(int code)
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        await session.Peer.SendResetAsync(2, (ushort)code);
        (await FluentActions.Awaiting(() => stream.Input.TakeAllAsync()).Should().ThrowAsync<StreamResetException>())
            .Which.Code.Should().Be(ResetCode.InternalError);
        stream.Dispose();
    }

    [Fact]
    public async Task Abort_WithTheCodeThatNeverTravels_SendsInternalError()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        stream.Abort(ResetCode.SessionLost);
        (await session.Peer.ExpectAsync(FrameKind.Reset)).Code.Should().Be((ushort)ResetCode.InternalError);
        stream.Dispose();
    }

    [Fact]
    public async Task Data_AfterOurReset_IsDroppedUntilThePeersAnswer()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        stream.Abort(ResetCode.TooBusy);
        await session.Peer.ExpectAsync(FrameKind.Reset);
        await session.Peer.SendAsync(2, FrameKind.Data, "was on its way");
        await session.Peer.SendAsync(2, FrameKind.Data, "and ends", fin: true);
        await session.SettleAsync();
        session.Session.OpenStreams.Should().Be(0);
        stream.Dispose();
    }

    [Fact]
    public async Task Stop_RequestNotFinishedWhenTheAnswerIs_FollowsTheFin()
    {
        await using var session = new RawSession(LinkRole.Agent);
        TunnelStream stream = await session.AcceptAsync();
        stream.Output.Write("413"u8);
        await stream.Output.CompleteAsync();
        stream.Dispose();
        (await session.Peer.ExpectAsync(FrameKind.Data)).IsFin.Should().BeTrue();
        (await session.Peer.ExpectAsync(FrameKind.Reset)).Code.Should().Be((ushort)ResetCode.Stop);
        await session.Peer.SendResetAsync(2, (ushort)ResetCode.Stop);
        await session.SettleAsync();
        session.Session.OpenStreams.Should().Be(0);
    }

    [Fact]
    public async Task Output_CompletedWithAnError_ResetsTheStream()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync();
        stream.Output.Write("half"u8);
        await stream.Output.CompleteAsync(new IOException("The origin broke off."));
        (await session.Peer.ExpectAsync(FrameKind.Reset)).Code.Should().Be((ushort)ResetCode.InternalError);
    }

    [Fact]
    public async Task Leave_OfTheAgent_StillTakesStreamsUntilTheServersAnswer()
    {
        await using var session = new RawSession(LinkRole.Agent);
        session.Session.Leave("shutdown", reconnect: false, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        await session.Peer.ExpectAsync(FrameKind.GoAway);
        TunnelStream underWay = await session.AcceptAsync(2, "GET", fin: true);
        await session.Peer.SendAsync(0, FrameKind.GoAway, """{"reason":"shutdown","reconnect":false,"delay":0,"grace":0}""");

        // Legal no more: refused, not punished.
        await session.Peer.SendOpenAsync(4, "GET"u8, fin: true);
        RawFrame reset = await session.Peer.ExpectAsync(FrameKind.Reset);
        (reset.StreamId, reset.Code).Should().Be((4u, (ushort)ResetCode.NotProcessed));
        await underWay.Output.SendAsync("200");
        await underWay.Output.CompleteAsync();
        underWay.Dispose();
        while (!(await session.Peer.ExpectAsync(FrameKind.Data)).IsFin)
        {
        }

        await session.Peer.SendNumberAsync(FrameKind.Ack, session.Peer.Sequenced);
        await session.AssertClosesAsync(CloseCode.Normal);
    }

    [Fact]
    public async Task Leave_ResetStillWaitingToBeSent_IsNotOvertakenByClose()
    {
        await using var session = new RawSession(LinkRole.Agent, pauseAt: 1024);
        TunnelStream stream = await session.AcceptAsync(2, fin: true);
        session.Session.Leave("shutdown", reconnect: false, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        await session.Peer.ExpectAsync(FrameKind.GoAway);
        await session.Peer.SendAsync(0, FrameKind.GoAway, """{"reason":"shutdown"}""");

        // The link is full, so the RESET has to wait; the stream itself is over on this side.
        await stream.Output.WriteAsync(new byte[60_000]).Within();
        await Until.TrueAsync(() => session.Session.Counts.Sent > 60_000);
        stream.Abort(ResetCode.OriginReset);
        stream.Dispose();
        session.Session.OpenStreams.Should().Be(0);

        // The first of these is handled as a whole by the time the second is told.
        for (int i = 0; i < 2; i++)
        {
            await session.Peer.SendAsync(0, FrameKind.Bound, """{"id":1}""");
            await session.User.NextMessageAsync();
        }

        session.Session.Ended.IsCompleted.Should().BeFalse();
        RawFrame frame;
        do
        {
            frame = await session.Peer.ExpectAsync(FrameKind.Data, FrameKind.Reset);
        }
        while (frame.Kind == FrameKind.Data);
        frame.Code.Should().Be((ushort)ResetCode.OriginReset);
        await session.Peer.SendNumberAsync(FrameKind.Ack, session.Peer.Sequenced);
        await session.AssertClosesAsync(CloseCode.Normal);
    }

    [Fact]
    public async Task Leave_GraceOver_Closes()
    {
        await using var session = new RawSession(LinkRole.Server);
        TunnelStream stream = await session.OpenAndFlushAsync();
        session.Session.Leave("shutdown", reconnect: true, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        await session.Peer.ExpectAsync(FrameKind.GoAway);
        await session.Peer.SendAsync(0, FrameKind.GoAway, """{"reason":"shutdown"}""");
        await session.SettleAsync();
        session.Time.Advance(TimeSpan.FromSeconds(1));
        await session.AssertClosesAsync(CloseCode.Normal);
        stream.ResetCode.Should().Be(ResetCode.SessionLost);
        stream.Dispose();
    }

    [Fact]
    public void Leave_WithAGraceThatIsNone_Throws()
    {
        var session = new Session(LinkRole.Server, new SessionOptions(), new RecordingUser());
        FluentActions.Invoking(() => session.Leave("shutdown", true, TimeSpan.Zero, Timeout.InfiniteTimeSpan))
            .Should().Throw<ArgumentException>();
    }

    [Fact]
    public async Task Ids_RunningOut_ReplaceTheSession()
    {
        await using var session = new RawSession(LinkRole.Server);
        session.Session.Streams.Table.StartAt(ProtocolLimits.LastStreamId - 2);
        TunnelStream last = await session.OpenAndFlushAsync();
        last.Id.Should().Be(ProtocolLimits.LastStreamId);
        session.Open().Should().BeNull();
        (await session.Peer.ExpectAsync(FrameKind.GoAway)).Text.Should().Contain("ids-exhausted");
        last.Dispose();
    }

    [Fact]
    public async Task Fault_OfTheUser_ClosesWithInternalErrorAndTellsThePeerNothingMore()
    {
        await using var session = new RawSession(
            LinkRole.Agent, serve: _ => throw new InvalidOperationException("a secret of ours"));
        await session.Peer.SendOpenAsync(2, "GET"u8);
        RawFrame close = await session.Peer.ExpectCloseAsync();
        close.Code.Should().Be((ushort)CloseCode.InternalError);
        close.Sentence.Should().NotContain("secret");
        (await session.Run.Within()).Message.Should().Contain("a secret of ours");
    }

    [Fact]
    public async Task Close_BeforeRun_IsSentAtOnce()
    {
        var link = new MemoryLink();
        var session = new Session(LinkRole.Server, new SessionOptions(), new RecordingUser());
        session.Close(CloseCode.Replaced, "newer");
        Task<SessionEnd> run = session.RunAsync(link.A);
        (await new RawPeer(link.B).ExpectCloseAsync()).Code.Should().Be((ushort)CloseCode.Replaced);
        (await run.Within()).Code.Should().Be(CloseCode.Replaced);
    }
}
