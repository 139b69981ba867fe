using System.Runtime.InteropServices;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests;

public sealed class StopSignalsTests
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Theory]
    [InlineData(PosixSignal.SIGINT)]
    [InlineData(PosixSignal.SIGTERM)]
    public void Signal_TheFirst_AsksForAStopWithoutHurry(PosixSignal signal)
    {
        using StopSignals signals = New();

        signals.Receive(signal);

        signals.Stop.IsCancellationRequested.Should().BeTrue();
        signals.Hurry.IsCancellationRequested.Should().BeFalse();
        _ended.Task.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Signal_TheSecond_EndsTheProcessThoughSomebodyHangs()
    {
        using StopSignals signals = New();
        using var hanging = new ManualResetEventSlim();
        await using CancellationTokenRegistration registration = signals.Hurry.UnsafeRegister(_ => hanging.Wait(), null);
        signals.Receive(PosixSignal.SIGTERM);

        Task second = Task.Run(() => signals.Receive(PosixSignal.SIGTERM));

        await _ended.Task.Within();
        signals.Hurry.IsCancellationRequested.Should().BeTrue();
        hanging.Set();
        await second.Within();
    }

    [Fact]
    public async Task Stop_ThatTakesLongerThanItsLimit_EndsTheProcess()
    {
        using StopSignals signals = New();
        signals.LimitStop(-TimeSpan.FromSeconds(15));

        signals.Receive(PosixSignal.SIGTERM);

        await _ended.Task.Within();
    }

    [Fact]
    public void Hangup_OfATerminal_AsksForAStop()
    {
        using StopSignals signals = New(hasTerminal: true);
        int reloads = 0;
        signals.OnReload(() => reloads++);

        signals.Receive(PosixSignal.SIGHUP);

        signals.Stop.IsCancellationRequested.Should().BeTrue();
        reloads.Should().Be(0);
    }

    [Fact]
    public void Hangup_WithoutATerminal_AsksForAReloadEveryTime()
    {
        using StopSignals signals = New();
        int reloads = 0;
        signals.Receive(PosixSignal.SIGHUP);
        signals.OnReload(() => reloads++);

        signals.Receive(PosixSignal.SIGHUP);
        signals.Receive(PosixSignal.SIGHUP);

        reloads.Should().Be(2);
        signals.Stop.IsCancellationRequested.Should().BeFalse();
    }

    [Fact]
    public void Hangup_WhileItStops_AsksForNothing()
    {
        using StopSignals signals = New();
        int reloads = 0;
        signals.OnReload(() => reloads++);
        signals.Receive(PosixSignal.SIGTERM);

        signals.Receive(PosixSignal.SIGHUP);

        reloads.Should().Be(0);
        signals.Hurry.IsCancellationRequested.Should().BeFalse();
    }

    private StopSignals New(bool hasTerminal = false) => new(hasTerminal, TimeSpan.FromMilliseconds(1), _ended.SetResult);
}
