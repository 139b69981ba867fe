using System.Runtime.InteropServices;

namespace Tunnel.Hosting;

/// <summary>
/// What other processes tell a program: Ctrl-C and SIGTERM ask it to stop, the second of them at once. SIGHUP is the end of
/// its terminal, if it has one, and asks it to stop as well; without one it asks a service to take in what has changed. A
/// signal that was ignored when the program was started (<c>nohup</c>) stays so: the runtime sees to that. Handlers are removed
/// on dispose.
/// </summary>
public sealed class StopSignals : IDisposable
{
    /// <summary>After the second signal an orderly end has so long.</summary>
    private static readonly TimeSpan LastMoment = TimeSpan.FromSeconds(1);

    /// <summary>What a stop may take beyond the grace: every wait in it has a limit of its own, and these do not add up to more.</summary>
    private static readonly TimeSpan Beyond = TimeSpan.FromSeconds(15);

    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly bool _hasTerminal;
    private readonly TimeSpan _lastMoment;
    private readonly Action _end;
    private int _count;
    private volatile Action? _reload;
    private TimeSpan _limit = Timeout.InfiniteTimeSpan;

    public StopSignals()
        : this(HasTerminal(), LastMoment, static () => ImmediateExit.Now(ExitCodes.Failed))
    {
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
        }
    }

    /// <param name="hasTerminal">SIGHUP is its end.</param>
    /// <param name="end">Ends the process, whatever waits; called from a thread of its own.</param>
    internal StopSignals(bool hasTerminal, TimeSpan lastMoment, Action end)
    {
        _hasTerminal = hasTerminal;
        _lastMoment = lastMoment;
        _end = end;
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Cancelled by the second. If the process is still there a second later, it is ended.</summary>
    public CancellationToken Hurry => _hurry.Token;

    /// <summary>From here on a service is told to reload by SIGHUP; before, there is nothing to reload.</summary>
    public void OnReload(Action reload) => _reload = reload;

    /// <summary>From here on the process is ended if a stop takes much longer than this.</summary>
    public void LimitStop(TimeSpan grace) => _limit = grace + Beyond;

    /// <summary>Asks for a stop, as SIGTERM does.</summary>
    public void AskToStop() => Receive(PosixSignal.SIGTERM);

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

    /// <summary>A signal has come.</summary>
    internal void Receive(PosixSignal signal)
    {
        if (signal == PosixSignal.SIGHUP && !_hasTerminal)
        {
            // Who stops has nothing to reload any more.
            if (Volatile.Read(ref _count) == 0)
            {
                _reload?.Invoke();
            }

            return;
        }

        // What ends the process begins to count first: nothing that is told below may keep it from that.
        int count = Interlocked.Increment(ref _count);
        EndAfter(count switch { 1 => _limit, 2 => _lastMoment, _ => TimeSpan.Zero });
        (count == 1 ? _stop : _hurry).Cancel();
    }

    private void OnSignal(PosixSignalContext context)
    {
        // We end the process ourselves, when everything has been let go of.
        context.Cancel = true;
        Receive(context.Signal);
    }

    // A thread, not a timer: the pool's threads may be what hangs. It is not stopped, because what comes after everything has
    // been let go of may hang too; a process that ends takes it along.
    private void EndAfter(TimeSpan time)
    {
        if (time == Timeout.InfiniteTimeSpan)
        {
            return;
        }

        var waiting = new Thread(() =>
        {
            using var never = new ManualResetEventSlim();
            never.Wait(time);
            _end();
        })
        {
            IsBackground = true,
            Name = "end of the process",
        };
        waiting.Start();
    }

    private static bool HasTerminal()
    {
        if (OperatingSystem.IsWindows())
        {
            return true;
        }

        // Asked at the start: when the signal comes, a terminal that was closed is gone already.
        try
        {
            File.OpenHandle("/dev/tty", FileMode.Open, FileAccess.Read, FileShare.ReadWrite).Dispose();
            return true;
        }
        catch (Exception error) when (Files.OutsideFile.IsItsFault(error))
        {
            return false;
        }
    }
}
