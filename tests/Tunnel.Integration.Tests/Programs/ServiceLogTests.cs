using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Programs;

/// <summary>What a service prints whose system collects nothing: <c>service run FILE</c> in front of its arguments.</summary>
public sealed class ServiceLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tunnel-agent")]
    [InlineData("tunnel-server")]
    public async Task Output_GoesToTheEndOfTheFile_WithWhatTheProgramComplainsOf(string program)
    {
        string log = _folder.File("p.log");
        await File.WriteAllTextAsync(log, "before\n");

        (await RunAsync(program, log, "--version")).Should().BeEmpty();
        (await FluentActions.Awaiting(() => RunAsync(program, log, "--no-such-option")).Should().ThrowAsync<InvalidOperationException>()).WithMessage("*: 2 ");

        string[] lines = await File.ReadAllLinesAsync(log);
        lines[..2].Should().Equal("before", (await RunAsync(program, null, "--version")).Trim());
        lines[2].Should().Contain("--no-such-option");
    }

    private Task<string> RunAsync(string program, string? log, string argument) => ProgramRun.RunAsync(
        _folder.Path, "dotnet", [Path.Combine(AppContext.BaseDirectory, $"{program}.dll"), .. log is null ? (string[])[] : ["service", "run", log], argument]);
}
