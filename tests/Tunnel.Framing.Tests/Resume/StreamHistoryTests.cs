using System.Collections.Concurrent;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Fuzz;
using Tunnel.Framing.Tests.Sessions;
using Xunit.Abstractions;

namespace Tunnel.Framing.Tests.Resume;

/// <summary>
/// Histories of streams that come and go, are broken off at either end and stand on what others have left, while their session
/// goes from link to link, leaves, is closed or is given up. Links send from where frames are kept; whoever had a stream before
/// touches it again. Each stream keeps its promises, the peer sees it once or never, and nothing is left.
/// </summary>
public sealed class StreamHistoryTests(ITestOutputHelper output)
{
    private enum Ending
    {
        AllFinished,
        Leaves,
        Closes,
        Expires,
    }

    [Fact]
    public async Task History_OfStreamsUsedAgain_KeepsEveryPromiseAndLeavesNothing()
    {
        int streams = 0;
        int lives = 0;
        int pieces = 0;
        foreach (int seed in FuzzBudget.Seeds(inTheGate: 60, output))
        {
            var history = new History(seed);
            try
            {
                await TimeLimit.Run(history.RunAsync, FuzzBudget.Limit);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"The history of seed {seed} went wrong.{Environment.NewLine}{history}", error);
            }

            streams += history.Streams;
            lives += history.Lives;
            pieces += history.Pieces;
        }

        // The target is worth something only while it still gets there.
        output.WriteLine($"{streams} streams on {lives} lives, {pieces} pieces sent in place.");
        lives.Should().BeLessThan(streams / 2);
        pieces.Should().BeGreaterThan(streams / 2);
    }

    private sealed class History
    {
        private readonly int _seed;
        private readonly Random _random;
        private readonly Ending _ending;
        private readonly ProcessMemory _memory = new(limit: 1L << 30);
        private readonly HeldPieces _held;
        private readonly ResumablePair _pair;
        private readonly List<Task> _serving = [];
        private readonly ConcurrentQueue<TunnelStream> _over = new();
        private readonly ConcurrentDictionary<LiveStream, bool> _lives = new();
        private readonly ConcurrentDictionary<uint, bool> _seen = new();
        private readonly ConcurrentBag<uint> _untried = [];
        private int _attempts;
        private int _lost;

        public History(int seed)
        {
            _seed = seed;
            _random = new Random(seed);
            _ending = (Ending)Math.Max(0, _random.Next(6) - 2);
            _held = new HeldPieces(_random.Next());
            _pair = new ResumablePair(new SessionOptions
            {
                MaxStreams = _random.Next(3) == 0 ? 2 : 64,
                ReplayBytes = _random.Next(2) == 0 ? ProtocolLimits.AcceptedPayload : ProtocolLimits.ReplayBytes,
                WaitingPerStream = _random.Next(2) == 0 ? 16 * 1024 : 64 * 1024,
                StreamsRunInline = _random.Next(2) == 0,
                ProcessMemory = _memory,
                FindAppendInPlace = static output => output is InPlaceOutput inPlace ? inPlace.AppendInPlace : null,
            });
            _pair.AgentUser.Serve = stream =>
            {
                lock (_serving)
                {
                    _serving.Add(Task.Run(() => ServeAsync(stream)));
                }
            };
        }

        public int Streams => _seen.Count;

        public int Lives => _lives.Count;

        public int Pieces => _held.Count;

        public async Task RunAsync()
        {
            using var stop = new CancellationTokenSource();
            Task harming = Task.Run(() => HarmAsync(stop.Token));
            Task working = Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(() => WorkAsync((_seed * 10) + worker))));
            var links = new LinkHistory(_random, _pair, _random.Next(4) == 0 ? null : _held);
            int count = _random.Next(1, 10);
            int turn = _random.Next(count);
            for (int i = 0; i < count && !working.IsCompleted; i++)
            {
                await links.NextAsync(working);
                if (i == turn)
                {
                    Turn();
                }
            }

            await EndAsync(working);
            await stop.CancelAsync();
            await harming;
            await Task.WhenAll(_serving);
            await links.WhenLetGoAsync();
            _held.LetGo();
            AssertNothingIsLeft();
            await _pair.DisposeAsync();
        }

        public override string ToString() => $"{_ending}. {Snapshot.Of(_pair.Server, _pair.Agent)}";

        // Perhaps there is no link at this moment.
        private void Turn()
        {
            Session either = _random.Next(2) == 0 ? _pair.Server : _pair.Agent;
            if (_ending == Ending.Leaves)
            {
                either.Leave("shutdown", reconnect: true, TimeSpan.Zero, grace: TimeSpan.FromDays(10));
            }
            else if (_ending == Ending.Closes)
            {
                either.Close(CloseCode.Replaced, "somebody took over");
            }
        }

        private async Task EndAsync(Task working)
        {
            await _pair.ConnectAsync();
            if (_ending == Ending.Expires)
            {
                await Task.WhenAll(_pair.Server.DetachAsync(), _pair.Agent.DetachAsync());
                await PassTimeUntilAsync(() => _pair.ServerRun.IsCompleted && _pair.AgentRun.IsCompleted, step: 1_000);
                await working;
                return;
            }

            await PassTimeUntilAsync(() => working.IsCompleted);
            await working;
            if (_ending == Ending.AllFinished)
            {
                await PassTimeUntilAsync(() => IsIdle(_pair.Server) && IsIdle(_pair.Agent));
            }
            else
            {
                await PassTimeUntilAsync(() => _pair.ServerRun.IsCompleted && _pair.AgentRun.IsCompleted);
                CloseCode code = _ending == Ending.Leaves ? CloseCode.Normal : CloseCode.Replaced;
                ((await _pair.ServerRun).Code, (await _pair.AgentRun).Code).Should().Be((code, code));
            }
        }

        // Not faster than the sessions can follow: who sends for long and acknowledges nothing is thrown out.
        private Task PassTimeUntilAsync(Func<bool> condition, int step = 1) => Until.TrueAsync(() =>
        {
            _pair.Time.Advance(TimeSpan.FromMilliseconds(step));
            return condition();
        });

        private static bool IsIdle(Session session) => session is { OpenStreams: 0, IsBusy: false, Streams.Memory.Used: 0, Streams.Replay.Places: 16 };

        private void AssertNothingIsLeft()
        {
            _held.Spoilt.Should().Be(0, "no count takes memory from under a link");
            _seen.Keys.Intersect(_untried).Should().BeEmpty("whoever tries elsewhere was not heard of here");
            _memory.Used.Should().Be(0);
            if (_ending is Ending.AllFinished or Ending.Leaves)
            {
                _lost.Should().Be(0, "a lost link is a pause");
            }

            foreach (Session session in new[] { _pair.Server, _pair.Agent })
            {
                session.OpenStreams.Should().Be(0);
                session.Streams.Queue.Streams.IsEmpty.Should().BeTrue();
            }
        }

        private async Task WorkAsync(int seed)
        {
            var random = new Random(seed);
            for (int left = random.Next(5, 25); left > 0;)
            {
                uint number = (uint)Interlocked.Increment(ref _attempts);
                if (_pair.Server.TryOpen(new OpenHeader(StreamType.Raw, VisitorScheme.None, number, default, 0)) is not { } stream)
                {
                    if (_pair.Server.IsLeaving || _pair.Server.Ended.IsCompleted)
                    {
                        return;
                    }

                    await Task.Yield();
                    continue;
                }

                if (random.Next(2) == 0)
                {
                    stream.TryPin();
                }

                _lives.TryAdd(stream.Live, true);
                await TreatedStream.AskAsync(stream, new StreamPlan(random.Next()));
                if (stream.ResetCode == ResetCode.NotProcessed)
                {
                    stream.Id.Should().Be(0);
                    _untried.Add(number);
                }
                else
                {
                    left--;
                }

                BeDone(stream);
            }
        }

        private async Task ServeAsync(TunnelStream stream)
        {
            _seen.TryAdd(stream.Open.TunnelId, true).Should().BeTrue("nobody is seen twice");
            await TreatedStream.ServeAsync(stream);
            BeDone(stream);
        }

        private void BeDone(TunnelStream stream)
        {
            if (stream.ResetCode == ResetCode.SessionLost)
            {
                Interlocked.Increment(ref _lost);
            }

            stream.Dispose();
            _over.Enqueue(stream);
        }

        private async Task HarmAsync(CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                await Task.Yield();
                if (!_over.TryDequeue(out TunnelStream? stream))
                {
                    continue;
                }

                if (IsAlive(stream))
                {
                    // What its user has finished is still on its way.
                    _over.Enqueue(stream);
                    continue;
                }

                stream.Abort(ResetCode.InternalError, "late");
                stream.Input.CancelPendingRead();
                stream.Output.CancelPendingFlush();
                stream.TryPin().Should().BeFalse();
                stream.Input.AdvanceTo(default);
                FluentActions.Invoking(() => stream.Input.TryRead(out _)).Should().Throw<InvalidOperationException>();
                FluentActions.Invoking(() => stream.Output.GetMemory(1)).Should().Throw<ObjectDisposedException>();
                (await stream.Output.FlushAsync(CancellationToken.None)).IsCompleted.Should().BeTrue();
                stream.Input.Complete();
                stream.Output.Complete(new InvalidOperationException("late"));
                stream.Dispose();
            }
        }

        private static bool IsAlive(TunnelStream stream)
        {
            lock (stream.Live.Gate)
            {
                return stream.Live.IsOf(stream);
            }
        }
    }
}
