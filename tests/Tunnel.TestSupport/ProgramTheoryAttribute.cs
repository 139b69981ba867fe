using Xunit;

namespace Tunnel.TestSupport;

/// <summary>As <see cref="ProgramFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ProgramTheoryAttribute : TheoryAttribute
{
    public ProgramTheoryAttribute(params string[] programs)
    {
        Programs = programs;
        Skip = InstalledPrograms.ReasonToSkip(programs);
    }

    public IReadOnlyList<string> Programs { get; }
}
