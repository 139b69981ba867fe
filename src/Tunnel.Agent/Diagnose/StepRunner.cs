using Tunnel.Agent.Connection;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;

namespace Tunnel.Agent.Diagnose;

/// <summary>Runs steps one after the other, each within its time, and tells of each as soon as it is over.</summary>
internal sealed class StepRunner(TimeProvider time, Func<DiagnosisStep, Task> told)
{
    private readonly List<DiagnosisStep> _steps = [];

    public IReadOnlyList<DiagnosisStep> Steps => _steps;

    /// <summary>Runs a step. Whatever goes wrong in it is its verdict, and null the result.</summary>
    /// <param name="otherwise">What is wrong when the time is over, or a connection breaks.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<T?> RunAsync<T>(
        (string Id, string Title, string Tunnel) step, TimeSpan limit, KnownError otherwise, Func<StepNotes, CancellationToken, Task<T?>> run, CancellationToken cancel)
        where T : class
    {
        var notes = new StepNotes();
        long since = time.GetTimestamp();
        T? result = null;
        using (var timer = new CancellationTokenSource(limit, time))
        using (var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel))
        {
            try
            {
                result = await run(notes, both.Token);
            }
            catch (NoLinkException error)
            {
                notes.Fail(DiagnosisErrors.Of(error.Code, otherwise), error.Message);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                notes.Fail(otherwise, $"Nothing came of it within {limit.TotalSeconds:0} seconds.");
            }
            catch (IOException error)
            {
                notes.Fail(otherwise, Printable.Of(error.Message));
            }
        }

        await AddAsync(new DiagnosisStep(step.Id, step.Title, step.Tunnel, notes.Verdict, time.GetElapsedTime(since), notes.Says, notes.Errors));
        return result;
    }

    /// <summary>The same for a step that brings nothing for those after it.</summary>
    public Task LookAsync(
        (string Id, string Title, string Tunnel) step, TimeSpan limit, KnownError otherwise, Func<StepNotes, CancellationToken, Task> look, CancellationToken cancel) =>
        RunAsync<StepNotes>(
            step,
            limit,
            otherwise,
            async (notes, limited) =>
            {
                await look(notes, limited);
                return notes;
            },
            cancel);

    /// <summary>A step that nothing can be said of.</summary>
    public Task SkipAsync((string Id, string Title, string Tunnel) step, string why) =>
        AddAsync(new DiagnosisStep(step.Id, step.Title, step.Tunnel, StepVerdict.Skipped, TimeSpan.Zero, [why], []));

    private Task AddAsync(DiagnosisStep step)
    {
        _steps.Add(step);
        return told(step);
    }
}

/// <summary>What is known of a code that a server or the way to it came up with.</summary>
internal static class DiagnosisErrors
{
    private static readonly KnownError[] All =
    [
        AgentErrors.ServerRefused, AgentErrors.ServerTimeout, AgentErrors.ServerNameUnresolved, AgentErrors.ServerUnreachable, AgentErrors.NotATunnelServer,
        AgentErrors.ServerTlsFailed, AgentErrors.ServerKeyDiffers, AgentErrors.ServerNotTrusted, AgentErrors.ProxyUnreachable, AgentErrors.ProxyInvalid,
        AgentErrors.ProxyRefused, AgentErrors.LinkLost, AgentErrors.VersionMismatch, AgentErrors.HelloInvalid, AgentErrors.TokenRequired, AgentErrors.TokenUnknown,
        AgentErrors.TokenExpired, AgentErrors.TokenRevoked, AgentErrors.TlsRequired, AgentErrors.NameRefused, AgentErrors.NameConflict, AgentErrors.TooManySessions,
        AgentErrors.Draining, ProgramErrors.FewDescriptors, VisitorErrors.OriginRefused, AgentErrors.OriginUnreachable, AgentErrors.OriginTlsFailed, VisitorErrors.TooBusy,
    ];

    /// <param name="otherwise">For a code of a later version.</param>
    public static KnownError Of(string code, KnownError otherwise) => Array.Find(All, error => error.Code == code) ?? otherwise;
}
