using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Tests.EventThreads;

public sealed class EventThreadBellTests
{
    private readonly Tally _runs = new();
    private readonly List<(int Number, Thread Thread)> _order = [];

    [Fact]
    public async Task PutOff_OnItsThread_RunsThereInOrderOnceTheThreadIsFree()
    {
        if (OperatingSystem.IsWindows())
        {
            // Completions run on the pool there, and so does what is put off.
            return;
        }

        Thread? thread = null;
        int ranWhileBusy = -1;
        EventThreadBell.Hang(bell =>
        {
            if (thread is not null)
            {
                return;
            }

            thread = Thread.CurrentThread;
            bell.TryPutOff(Note, 1).Should().BeTrue();
            bell.TryPutOff(
                state =>
                {
                    bell.TryPutOff(Note, 4);
                    Note(state);
                },
                2).Should().BeTrue();
            bell.TryPutOff(Note, 3).Should().BeTrue();
            ranWhileBusy = _order.Count;
        });
        await _runs.WhenAsync(4);
        ranWhileBusy.Should().Be(0);
        _order.Select(run => run.Number).Should().Equal(1, 2, 3, 4);
        _order.Should().OnlyContain(run => run.Thread == thread);
        thread!.IsThreadPoolThread.Should().BeFalse();
    }

    [Fact]
    public async Task Schedule_FromAThreadWithoutABell_RunsOnThePool()
    {
        EventThreadScheduler.Shared.Schedule(Note, 1);
        await _runs.WhenAsync(1);
        _order.Should().ContainSingle().Which.Thread.IsThreadPoolThread.Should().BeTrue();
    }

    [Fact]
    public async Task Watch_ThreadThatIsHeldUp_SaysForHowLongAndAsksAgainOnlyThen()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var isHeld = new SemaphoreSlim(0);
        using var letGo = new SemaphoreSlim(0);
        EventThreadBell bell = EventThreadBell.Hang(_ => { })!;
        var time = new FakeTimeProvider();
        var heard = new ConcurrentQueue<TimeSpan>();
        await using var watch = new EventThreadWatch(
            time,
            after =>
            {
                heard.Enqueue(after);
                _runs.Add();
            },
            [bell]);
        bell.Ask(() =>
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

    private void Note(object? number)
    {
        _order.Add(((int)number!, Thread.CurrentThread));
        _runs.Add();
    }
}
