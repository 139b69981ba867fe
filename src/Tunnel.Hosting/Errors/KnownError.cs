namespace Tunnel.Hosting.Errors;

/// <summary>
/// One thing that can be wrong, as people meet it: in a log line, on standard error, or as a visitor. docs/errors.md has all of them
/// in the same words, and a test keeps it so.
/// </summary>
/// <param name="Code">Stable: programs and links may name it. Lower-case words with hyphens.</param>
/// <param name="Party">Who failed.</param>
/// <param name="Meaning">What happened, in sentences.</param>
/// <param name="NextStep">What whoever reads it can do.</param>
/// <param name="Exit">What the program ends with that met it; null: it goes on.</param>
public sealed record KnownError(string Code, FailedParty Party, string Meaning, string NextStep, int? Exit = null)
{
    /// <summary>A line for people with the code behind it, as all programs write it.</summary>
    public string Mark(string line) => $"{line} [{Code}]";
}
