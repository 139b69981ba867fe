using Xunit;

namespace Tunnel.TestSupport;

/// <summary>A test that needs programs of the machine; skipped, with the reason, where one is not on the path.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ProgramFactAttribute : FactAttribute
{
    public ProgramFactAttribute(params string[] programs)
    {
        Programs = programs;
        Skip = InstalledPrograms.ReasonToSkip(programs);
    }

    public IReadOnlyList<string> Programs { get; }
}
