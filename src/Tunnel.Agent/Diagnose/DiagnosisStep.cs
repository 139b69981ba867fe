using Tunnel.Hosting.Errors;

namespace Tunnel.Agent.Diagnose;

/// <summary>What a step came to; the later one is the worse.</summary>
internal enum StepVerdict
{
    Skipped,
    Ok,
    Warning,
    Failed,
}

/// <summary>One thing that was tried.</summary>
/// <param name="Id">Stable, for programs.</param>
/// <param name="Tunnel">What its person calls the tunnel it is about; empty: it is about all of them, or the only one.</param>
/// <param name="Says">Sentences; of a step that was skipped, why.</param>
/// <param name="Errors">What is wrong, each once.</param>
internal sealed record DiagnosisStep(
    string Id, string Title, string Tunnel, StepVerdict Verdict, TimeSpan Time, IReadOnlyList<string> Says, IReadOnlyList<KnownError> Errors)
{
    /// <summary>As a person reads it.</summary>
    public string FullTitle => Tunnel.Length > 0 ? $"{Title}: {Tunnel}" : Title;
}

/// <summary>What a step finds while it runs.</summary>
internal sealed class StepNotes
{
    private readonly List<string> _says = [];
    private readonly List<KnownError> _errors = [];

    public IReadOnlyList<string> Says => _says;

    public IReadOnlyList<KnownError> Errors => _errors;

    public StepVerdict Verdict { get; private set; } = StepVerdict.Ok;

    public void Say(string sentence) => _says.Add(sentence);

    public void Warn(KnownError error, string sentence) => Note(StepVerdict.Warning, error, sentence);

    public void Fail(KnownError error, string sentence) => Note(StepVerdict.Failed, error, sentence);

    private void Note(StepVerdict verdict, KnownError error, string sentence)
    {
        Verdict = verdict > Verdict ? verdict : Verdict;
        _says.Add(error.Mark(sentence));
        if (!_errors.Contains(error))
        {
            _errors.Add(error);
        }
    }
}
