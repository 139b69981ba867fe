using System.Runtime.InteropServices;

namespace Tunnel.Hosting;

/// <summary>
/// Ctrl-C and SIGTERM: the first asks the program to stop, the second to be quick about it. Handlers are removed on
/// dispose.
/// </summary>
public sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly List<PosixSignalRegistration> _registrations;
    private int _count;

    public StopSignals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
    ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Cancelled by the second.</summary>
    public CancellationToken Hurry => _hurry.Token;

    /// <summary>Completes with the first signal.</summary>
    public Task WaitAsync()
    {
        var signalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _stop.Token.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), signalled);
        return signalled.Task;
    }

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _stop.Dispose();
        _hurry.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        // We end the process ourselves, when everything has been let go of.
        context.Cancel = true;
        (Interlocked.Increment(ref _count) == 1 ? _stop : _hurry).Cancel();
    }
}
