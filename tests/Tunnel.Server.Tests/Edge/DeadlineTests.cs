using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport;

namespace Tunnel.Server.Tests.Edge;

/// <summary>What every connection relies on: a deadline that was cleared or replaced is over.</summary>
public sealed class DeadlineTests
{
    [Fact]
    public async Task Deadline_ThatIsSet_PassesOnce()
    {
        var time = new FakeTimeProvider();
        await using var clock = new DeadlineClock(time);
        var target = new Target();
        Deadline deadline = clock.Add(target);
        deadline.Set(TimeSpan.FromSeconds(3));
        time.Advance(TimeSpan.FromSeconds(2));
        target.Passed.Count.Should().Be(0);
        time.Advance(TimeSpan.FromSeconds(20));
        target.Passed.Count.Should().Be(1);
        clock.Remove(deadline);
        clock.Count.Should().Be(0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Deadline_ClearedOrReplaced_DoesNotPass(bool isReplaced)
    {
        var time = new FakeTimeProvider();
        await using var clock = new DeadlineClock(time);
        var target = new Target();
        Deadline deadline = clock.Add(target);
        deadline.Set(TimeSpan.FromSeconds(3));
        if (isReplaced)
        {
            deadline.Set(TimeSpan.FromSeconds(30));
        }
        else
        {
            deadline.Clear();
        }

        time.Advance(TimeSpan.FromSeconds(20));
        target.Passed.Count.Should().Be(0);
    }

    [Fact]
    public async Task Clear_WhileTheCallbackRuns_WaitsForIt()
    {
        var time = new FakeTimeProvider();
        await using var clock = new DeadlineClock(time);
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var target = new Target(() =>
        {
            entered.Set();
            leave.Wait(TimeLimit.Default);
        });
        Deadline deadline = clock.Add(target);
        deadline.Set(TimeSpan.FromSeconds(1));
        Task passing = Task.Run(() => time.Advance(TimeSpan.FromSeconds(2)));
        entered.Wait(TimeLimit.Default).Should().BeTrue();
        Task clearing = Task.Run(deadline.Clear);
        clearing.IsCompleted.Should().BeFalse("the callback is still at work on what the deadline guarded");
        leave.Set();
        await clearing.Within();
        target.Passed.Count.Should().Be(1);
        await passing.Within();
    }

    [Fact]
    public async Task Clear_WhileTheCallbackSetsItAnew_HasTheLastWord()
    {
        var time = new FakeTimeProvider();
        await using var clock = new DeadlineClock(time);
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        Deadline? deadline = null;
        var target = new Target(() =>
        {
            entered.Set();
            leave.Wait(TimeLimit.Default);

            // Time for the other to begin.
            Thread.SpinWait(1_000_000);
            deadline!.Set(TimeSpan.FromSeconds(1));
        });
        deadline = clock.Add(target);
        deadline.Set(TimeSpan.FromSeconds(1));
        Task passing = Task.Run(() => time.Advance(TimeSpan.FromSeconds(1)));
        entered.Wait(TimeLimit.Default).Should().BeTrue();
        Task clearing = Task.Run(() =>
        {
            leave.Set();
            deadline.Clear();
        });
        await Task.WhenAll(clearing, passing).Within();
        time.Advance(TimeSpan.FromSeconds(20));
        target.Passed.Count.Should().Be(1);
    }

    [Fact]
    public async Task Clear_UnderALockThatTheNextCallbackWants_Returns()
    {
        var time = new FakeTimeProvider();
        await using var clock = new DeadlineClock(time);
        var wanted = new Lock();
        using var entered = new SemaphoreSlim(0);
        using var held = new SemaphoreSlim(0);
        var next = new Target(() =>
        {
            lock (wanted)
            {
            }
        });
        var cleared = new Target(() =>
        {
            entered.Release();
            held.Wait(TimeLimit.Default);

            // Time to begin waiting for us.
            Thread.SpinWait(10_000);
        });
        Deadline second = clock.Add(next);
        Deadline first = clock.Add(cleared);
        const int Rounds = 50;
        for (int i = 0; i < Rounds; i++)
        {
            first.Set(TimeSpan.FromSeconds(1));
            second.Set(TimeSpan.FromSeconds(1));
            Task passing = Task.Run(() => time.Advance(TimeSpan.FromSeconds(1)));
            await entered.WaitAsync().Within();
            await Task.Run(() =>
            {
                lock (wanted)
                {
                    held.Release();
                    first.Clear();
                }
            }).Within();
            await passing.Within();
        }

        next.Passed.Count.Should().Be(Rounds);
        cleared.Passed.Count.Should().Be(Rounds);
    }

    private sealed class Target(Action? act = null) : IDeadlineTarget
    {
        public Tally Passed { get; } = new();

        public void OnDeadline()
        {
            act?.Invoke();
            Passed.Add();
        }
    }
}
