using System.IO.Pipelines;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

public sealed class AsyncSignalTests
{
    [Fact]
    public async Task Wait_SignalSetBefore_TakesItOnce()
    {
        var signal = new AsyncSignal(PipeScheduler.ThreadPool);
        signal.Set();
        signal.Set();
        await signal.WaitAsync().Within();
        Task second = signal.WaitAsync().AsTask();
        second.IsCompleted.Should().BeFalse();
        signal.Set();
        await second.Within();
    }

    [Fact]
    public void Set_WhileOneWaits_LetsItGoOnInAStepOfTheScheduler()
    {
        var scheduler = new StepByStep();
        var signal = new AsyncSignal(scheduler);
        Task waiting = signal.WaitAsync().AsTask();
        signal.Set();
        signal.Set();
        waiting.IsCompleted.Should().BeFalse();
        scheduler.RunAll().Should().Be(1);
        waiting.IsCompleted.Should().BeTrue();
    }

    [Fact]
    public void SetAndRun_WhileOneWaits_LetsItGoOnAtOnce()
    {
        var signal = new AsyncSignal(new StepByStep());
        Task waiting = signal.WaitAsync().AsTask();
        signal.SetAndRun();
        waiting.IsCompleted.Should().BeTrue();
    }

    [Fact]
    public async Task Set_FromManyThreads_LosesNothing()
    {
        var signal = new AsyncSignal(PipeScheduler.ThreadPool);
        const int Threads = 4;
        const int Each = 50_000;
        int set = 0;
        Task[] setting = [.. Enumerable.Range(0, Threads).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < Each; i++)
            {
                Interlocked.Increment(ref set);
                signal.Set();
            }
        }))];
        await Task.Run(async () =>
        {
            // A lost signal would leave this waiting with work to be seen.
            while (Volatile.Read(ref set) < Threads * Each)
            {
                await signal.WaitAsync();
            }
        }).Within();
        await Task.WhenAll(setting).Within();
    }
}
