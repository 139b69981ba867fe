using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>What a session promises over any link; the same bodies run over memory, TCP and a link that delivers single bytes.</summary>
public abstract class MuxTests : IAsyncLifetime
{
    private IDuplexPipe? _serverLink;
    private IDuplexPipe? _agentLink;

    /// <summary>Bytes that a large transfer takes here: enough to turn every window over many times.</summary>
    protected virtual int BulkBytes => 8 * 1024 * 1024;

    public async Task InitializeAsync() => (_serverLink, _agentLink) = await ConnectAsync();

    public virtual Task DisposeAsync() => Task.CompletedTask;

    protected abstract Task<(IDuplexPipe Server, IDuplexPipe Agent)> ConnectAsync();

    [Fact]
    public async Task Request_Answered_BothSidesReadAllAndEnd()
    {
        SessionPair pair = Start();
        using TunnelStream request = pair.Open();
        await request.Output.SendAsync("GET /");
        await request.Output.CompleteAsync();

        using (TunnelStream answer = await pair.AgentUser.NextStreamAsync())
        {
            answer.Open.TunnelId.Should().Be(1);
            (await answer.Input.TakeAllAsync()).Should().Equal("GET /"u8.ToArray());
            await answer.Output.SendAsync("hello");
            await answer.Output.CompleteAsync();
        }

        (await request.Input.TakeAllAsync()).Should().Equal("hello"u8.ToArray());
        request.ResetCode.Should().BeNull();
        request.Dispose();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task Streams_FiveHundredAtOnce_EachGetsItsOwnBody()
    {
        List<Task> serving = [];
        SessionPair pair = Start(serve: stream =>
        {
            lock (serving)
            {
                serving.Add(Task.Run(() => EchoAsync(stream)));
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 500).Select(number => Task.Run(async () =>
        {
            using TunnelStream stream = pair.Open();
            string body = string.Join(',', Enumerable.Repeat(number, 200));
            await stream.Output.SendAsync(body);
            await stream.Output.CompleteAsync();
            (await stream.Input.TakeAllAsync()).Should().Equal(Encoding.UTF8.GetBytes(body));
        }))).Within();
        await Task.WhenAll(serving).Within();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task Bulk_BothWaysAtTheSameTime_ArrivesUnchanged()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        Task<string> down = ReceiveAsync(agent.Input);
        Task<string> up = ReceiveAsync(server.Input);
        string sentDown = await SendAsync(server.Output, seed: 1).Within();
        string sentUp = await SendAsync(agent.Output, seed: 2).Within();
        (await down.Within()).Should().Be(sentDown);
        (await up.Within()).Should().Be(sentUp);
        server.Dispose();
        agent.Dispose();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task ServerHalf_Finished_AgentGoesOnSending()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        await server.Output.CompleteAsync();
        (await agent.Input.TakeAllAsync()).Should().BeEmpty();
        await agent.Output.SendAsync("later");
        (await server.Input.TakeTextAsync(5)).Should().Be("later");
        await agent.Output.CompleteAsync();
        (await server.Input.TakeAllAsync()).Should().BeEmpty();
        server.Dispose();
        agent.Dispose();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task AgentHalf_Finished_ServerGoesOnSending()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        await agent.Output.CompleteAsync();
        (await server.Input.TakeAllAsync()).Should().BeEmpty();
        await server.Output.SendAsync("later");
        (await agent.Input.TakeTextAsync(5)).Should().Be("later");
        await server.Output.CompleteAsync();
        (await agent.Input.TakeAllAsync()).Should().BeEmpty();
        server.Dispose();
        agent.Dispose();
        await pair.CloseAsync();
    }

    public static TheoryData<bool, bool, bool> AbortStates() => new()
    {
        // who aborts; whether the aborting half, then the other, had finished
        { true, false, false }, { true, false, true }, { true, true, false },
        { false, false, false }, { false, false, true }, { false, true, false },
    };

    [Theory]
    [MemberData(nameof(AbortStates))]
    public async Task Abort_InEveryState_ReachesThePeerAndFreesTheStream(bool byServer, bool ownFinished, bool peerFinished)
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        (TunnelStream own, TunnelStream peer) = byServer ? (server, agent) : (agent, server);
        if (ownFinished)
        {
            await own.Output.CompleteAsync();
            (await peer.Input.TakeAllAsync()).Should().BeEmpty();
        }

        if (peerFinished)
        {
            await peer.Output.CompleteAsync();
            (await own.Input.TakeAllAsync()).Should().BeEmpty();
        }

        own.Abort(ResetCode.OriginReset, "broke off");
        if (ownFinished)
        {
            // Only the other half is stopped by this.
            await Until.TrueAsync(() => peer.Output.FlushAsync().AsTask().Result.IsCompleted);
        }
        else
        {
            StreamResetException seen = (await FluentActions.Awaiting(() => peer.Input.TakeAllAsync())
                .Should().ThrowAsync<StreamResetException>()).Which;
            seen.Code.Should().Be(ResetCode.OriginReset);
            seen.Detail.Should().Be("broke off");
        }

        if (!peerFinished)
        {
            (await FluentActions.Awaiting(() => own.Input.TakeAllAsync()).Should().ThrowAsync<StreamResetException>())
                .Which.Code.Should().Be(ResetCode.OriginReset);
        }

        peer.ResetCode.Should().Be(ResetCode.OriginReset);
        own.Dispose();
        peer.Dispose();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task Abort_BeforeTheFirstFlush_TellsNobody()
    {
        SessionPair pair = Start();
        TunnelStream stream = pair.Open();
        stream.Output.Write("never sent"u8);
        stream.Abort(ResetCode.Cancelled);
        await FluentActions.Awaiting(() => stream.Input.TakeAllAsync()).Should().ThrowAsync<StreamResetException>();
        stream.Dispose();
        pair.Server.Counts.Sent.Should().Be(0);
        await pair.CloseAsync();
    }

    [Fact]
    public async Task Abort_ByBothAtOnce_FreesTheStream()
    {
        SessionPair pair = Start();
        for (int i = 0; i < 50; i++)
        {
            (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
            await Task.WhenAll(
                Task.Run(() => server.Abort(ResetCode.Cancelled)),
                Task.Run(() => agent.Abort(ResetCode.OriginReset))).Within();
            server.Dispose();
            agent.Dispose();
        }

        await pair.CloseAsync();
    }

    [Fact]
    public async Task Answer_FinishedBeforeTheRequest_StopsTheRequestAndIsReadToItsEnd()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        await agent.Output.SendAsync("no need for more");
        await agent.Output.CompleteAsync();
        agent.Dispose();
        await Until.TrueAsync(() => server.Output.FlushAsync().AsTask().Result.IsCompleted);
        server.ResetCode.Should().Be(ResetCode.Stop);
        (await server.Input.TakeAllAsync()).Should().Equal("no need for more"u8.ToArray());
        server.Dispose();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task Reset_NotYetLetGoOf_KeepsThePeersSlot()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        var aborted = new TaskCompletionSource();
        agent.WhenAborted(static state => ((TaskCompletionSource)state!).SetResult(), aborted);
        server.Abort(ResetCode.Cancelled);
        server.Dispose();
        await aborted.Task.Within();

        // Another round trip: an answer, had there been one, would have arrived before it.
        (TunnelStream server2, TunnelStream agent2) = await pair.OpenBothAsync();
        await agent2.Output.SendAsync("x");
        (await server2.Input.TakeTextAsync(1)).Should().Be("x");
        pair.Server.OpenStreams.Should().Be(2);
        agent.Dispose();
        await Until.TrueAsync(() => pair.Server.OpenStreams == 1);
        server2.Dispose();
        agent2.Dispose();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task WhenAborted_Twice_IsRefusedAndTheFirstIsCalledWithItsOwn()
    {
        await using var session = new RawSession(LinkRole.Agent);
        using TunnelStream stream = await session.AcceptAsync();
        var called = new TaskCompletionSource<object?>();
        stream.WhenAborted(called.SetResult, "first");
        FluentActions.Invoking(() => stream.WhenAborted(_ => { }, "second")).Should().Throw<InvalidOperationException>();
        await session.Peer.SendResetAsync(2, 1);
        (await called.Task.Within()).Should().Be("first");
        FluentActions.Invoking(() => stream.WhenAborted(_ => { }, "third")).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public async Task WhenAborted_AfterTheFact_CallsAtOnce()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        server.Abort(ResetCode.Cancelled);
        await Until.TrueAsync(() => agent.ResetCode is not null);
        int calls = 0;
        agent.WhenAborted(_ => calls++, null);
        calls.Should().Be(1);
        server.Dispose();
        agent.Dispose();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task Users_BothWritingAndNeitherReading_StillFinish()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        await Task.WhenAll(new[] { server, agent }.Select(stream => Task.Run(async () =>
        {
            await stream.Input.CompleteAsync();
            for (int i = 0; i < 100; i++)
            {
                await stream.Output.WriteAsync(new byte[10_000]);
            }

            await stream.Output.CompleteAsync();
            stream.Dispose();
        }))).Within();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task Consumer_Stalled_HoldsItsWindowOnlyAndOthersGoOn()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        using var stop = new CancellationTokenSource();
        Task<long> pushing = PushAsync(agent.Output, stop.Token);
        await Until.TrueAsync(() => pair.AgentPool.RentedBytes > 0 && pair.ServerPool.RentedBytes >= ProtocolLimits.FirstAnswerWindow - 4096);

        for (int i = 0; i < 20; i++)
        {
            (TunnelStream server2, TunnelStream agent2) = await pair.OpenBothAsync();
            await server2.Output.SendAsync("ping");
            (await agent2.Input.TakeTextAsync(4)).Should().Be("ping");
            await agent2.Output.SendAsync("pong");
            (await server2.Input.TakeTextAsync(4)).Should().Be("pong");
            server2.Dispose();
            agent2.Dispose();
        }

        // The window, what a block of memory adds to it at both ends, and the frames that are not acknowledged yet.
        pair.ServerPool.RentedBytes.Should().BeLessThanOrEqualTo(ProtocolLimits.FirstAnswerWindow + (2 * 4096) + 16384);
        pair.AgentPool.RentedBytes.Should().BeLessThanOrEqualTo(new SessionOptions().WaitingPerStream + (2 * 16384));
        await stop.CancelAsync();
        await FluentActions.Awaiting(() => pushing.Within()).Should().ThrowAsync<OperationCanceledException>();
        server.Dispose();
        agent.Dispose();
        await pair.CloseAsync();
    }

    [Fact]
    public async Task Streams_BeyondTheLimit_AreNotProcessed()
    {
        SessionPair pair = Start(
            new SessionOptions { MaxStreams = 4 }, agentStreams: 2);
        (TunnelStream server1, TunnelStream agent1) = await pair.OpenBothAsync();
        (TunnelStream server2, TunnelStream agent2) = await pair.OpenBothAsync();
        TunnelStream refused = pair.Open();
        await refused.Output.FlushAsync().Within();
        (await FluentActions.Awaiting(() => refused.Input.TakeAllAsync()).Should().ThrowAsync<StreamResetException>())
            .Which.Code.Should().Be(ResetCode.NotProcessed);
        using (TunnelStream fourth = pair.Open())
        {
            pair.TryOpen().Should().BeNull();
        }

        foreach (TunnelStream stream in new[] { refused, server1, server2, agent1, agent2 })
        {
            stream.Dispose();
        }

        await pair.CloseAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Leave_WithStreamsRunning_LetsThemFinishAndCloses(bool byServer)
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        (Session leaving, RecordingUser told) = byServer ? (pair.Server, pair.AgentUser) : (pair.Agent, pair.ServerUser);
        leaving.Leave("shutdown", reconnect: true, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
        GoAwayMessage message = await told.GoAway.Within();
        message.Should().BeEquivalentTo(new { Reason = "shutdown", Reconnect = true, Delay = 1000L, Grace = 30000L });
        pair.TryOpen().Should().BeNull();
        pair.Server.IsLeaving.Should().BeTrue();

        await server.Output.SendAsync("still");
        await server.Output.CompleteAsync();
        (await agent.Input.TakeAllAsync()).Should().Equal("still"u8.ToArray());
        await agent.Output.SendAsync("works");
        await agent.Output.CompleteAsync();
        agent.Dispose();
        (await server.Input.TakeAllAsync()).Should().Equal("works"u8.ToArray());
        server.Dispose();

        SessionEnd here = await (byServer ? pair.ServerRun : pair.AgentRun).Within();
        SessionEnd there = await (byServer ? pair.AgentRun : pair.ServerRun).Within();
        (here.Kind, here.Code).Should().Be((SessionEndKind.ClosedHere, CloseCode.Normal));
        (there.Kind, there.Code).Should().Be((SessionEndKind.ClosedByPeer, CloseCode.Normal));
        pair.AssertNothingIsLeft();
    }

    [Fact]
    public async Task Leave_LastStreamAborted_ResetArrivesBeforeClose()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        await server.Output.CompleteAsync();
        (await agent.Input.TakeAllAsync()).Should().BeEmpty();
        pair.Agent.Leave("shutdown", reconnect: false, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        await pair.ServerUser.GoAway.Within();
        agent.Abort(ResetCode.OriginRefused);
        agent.Dispose();
        (await FluentActions.Awaiting(() => server.Input.TakeAllAsync()).Should().ThrowAsync<StreamResetException>())
            .Which.Code.Should().Be(ResetCode.OriginRefused);
        server.Dispose();
        (await pair.AgentRun.Within()).Message.Should().Be("all streams are finished");
        await pair.ServerRun.Within();
        pair.AssertNothingIsLeft();
    }

    [Fact]
    public async Task Leave_ByBothAtOnce_ClosesNormally()
    {
        SessionPair pair = Start();
        pair.Server.Leave("shutdown", reconnect: true, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        pair.Agent.Leave("shutdown", reconnect: true, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        (await pair.ServerRun.Within()).Code.Should().Be(CloseCode.Normal);
        (await pair.AgentRun.Within()).Code.Should().Be(CloseCode.Normal);
        pair.AssertNothingIsLeft();
    }

    [Fact]
    public async Task Leave_WithAStreamNotYetSent_IsNotProcessed()
    {
        SessionPair pair = Start();
        TunnelStream waiting = pair.Open();
        pair.Server.Leave("shutdown", reconnect: true, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        (await FluentActions.Awaiting(() => waiting.Input.TakeAllAsync()).Should().ThrowAsync<StreamResetException>())
            .Which.Code.Should().Be(ResetCode.NotProcessed);
        waiting.ResetCode.Should().Be(ResetCode.NotProcessed);
        waiting.Dispose();
        await pair.ServerRun.Within();
        await pair.AgentRun.Within();
        pair.AssertNothingIsLeft();
    }

    [Fact]
    public async Task Close_WithStreamsOpen_ReachesThePeerAndEveryStream()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        pair.Agent.Close(CloseCode.Revoked, "the token was revoked");
        SessionEnd end = await pair.ServerRun.Within();
        end.Should().Be(new SessionEnd(SessionEndKind.ClosedByPeer, CloseCode.Revoked, "the token was revoked"));
        (await pair.Server.Ended.Within()).Should().Be(end);
        await pair.AgentRun.Within();
        foreach (TunnelStream stream in new[] { server, agent })
        {
            StreamResetException seen = (await FluentActions.Awaiting(() => stream.Input.TakeAllAsync())
                .Should().ThrowAsync<StreamResetException>()).Which;
            seen.Code.Should().Be(ResetCode.SessionLost);
            seen.Detail.Should().Be("the token was revoked");
            (await stream.Output.FlushAsync().Within()).IsCompleted.Should().BeTrue();
            stream.Dispose();
        }

        pair.AssertNothingIsLeft();
    }

    [Fact]
    public async Task Link_Cut_EveryStreamOnBothSidesIsLost()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        TunnelStream waitingForItsId = pair.Open();
        await CutAsync();
        SessionEnd[] ends = [await pair.ServerRun.Within(), await pair.AgentRun.Within()];
        ends.Should().OnlyContain(end => end.Kind == SessionEndKind.LinkLost);
        foreach (TunnelStream stream in new[] { server, agent })
        {
            (await FluentActions.Awaiting(() => stream.Input.TakeAllAsync()).Should().ThrowAsync<StreamResetException>())
                .Which.Code.Should().Be(ResetCode.SessionLost);
            stream.Dispose();
        }

        waitingForItsId.ResetCode.Should().Be(ResetCode.NotProcessed);
        waitingForItsId.Dispose();
        pair.TryOpen().Should().BeNull();
        pair.AssertNothingIsLeft();
    }

    [Fact]
    public async Task Messages_BothWays_Arrive()
    {
        SessionPair pair = Start();
        pair.Agent.Send(FrameKind.Bind, new TunnelRequest { Id = 7, Type = "http" });
        (FrameKind kind, byte[] payload) = await pair.ServerUser.NextMessageAsync();
        kind.Should().Be(FrameKind.Bind);
        JsonMessages.Read<TunnelRequest>(new(payload)).Id.Should().Be(7);
        pair.Server.Send(FrameKind.Bound, new BoundMessage { Id = 7, TunnelName = "demo", Url = "http://demo" });
        (kind, payload) = await pair.AgentUser.NextMessageAsync();
        kind.Should().Be(FrameKind.Bound);
        JsonMessages.Read<BoundMessage>(new(payload)).TunnelName.Should().Be("demo");
        await pair.CloseAsync();
    }

    [Fact]
    public async Task Flush_CancelledByToken_ThrowsAndTheStreamGoesOn()
    {
        SessionPair pair = Start();
        (TunnelStream server, TunnelStream agent) = await pair.OpenBothAsync();
        using var cancel = new CancellationTokenSource();
        Task<long> pushing = PushAsync(server.Output, cancel.Token);
        await Until.TrueAsync(() => server.Live.SendWindow.Available == 0 && server.Live.FlushWaits);
        await cancel.CancelAsync();
        await FluentActions.Awaiting(() => pushing.Within()).Should().ThrowAsync<OperationCanceledException>();
        Task<byte[]> received = agent.Input.TakeAllAsync();
        await server.Output.SendAsync("and more");
        await server.Output.CompleteAsync();
        Encoding.UTF8.GetString((await received.Within())[^8..]).Should().Be("and more");
        server.Dispose();
        agent.Dispose();
        await pair.CloseAsync();
    }

    /// <summary>Breaks the link from outside, without CLOSE.</summary>
    protected abstract Task CutAsync();

    private SessionPair Start(
        SessionOptions? options = null, int? agentStreams = null, Action<TunnelStream>? serve = null) =>
        SessionPair.Start(
            _serverLink!, _agentLink!, options, agentStreams, serve);

    private static async Task EchoAsync(TunnelStream stream)
    {
        using (stream)
        {
            byte[] all = await stream.Input.TakeAllAsync();
            await stream.Output.WriteAsync(all).Within();
            await stream.Output.CompleteAsync();
        }
    }

    // Writes until the peer wants no more; ends with the token.
    private static async Task<long> PushAsync(PipeWriter output, CancellationToken stop)
    {
        long sent = 0;
        while (true)
        {
            output.GetSpan(1000)[..1000].Fill(7);
            output.Advance(1000);
            FlushResult result = await output.FlushAsync(stop);
            sent += 1000;
            if (result.IsCompleted)
            {
                return sent;
            }
        }
    }

    private async Task<string> SendAsync(PipeWriter output, int seed)
    {
        var random = new Random(seed);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int left = BulkBytes; left > 0;)
        {
            int size = Math.Min(left, random.Next(1, 30_000));
            Memory<byte> memory = output.GetMemory(size)[..size];
            random.NextBytes(memory.Span);
            hash.AppendData(memory.Span);
            output.Advance(size);
            left -= size;
            (await output.FlushAsync()).IsCompleted.Should().BeFalse();
        }

        await output.CompleteAsync();
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static async Task<string> ReceiveAsync(PipeReader input)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                hash.AppendData(segment.Span);
            }

            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return Convert.ToHexString(hash.GetHashAndReset());
            }
        }
    }
}
