using System.Text.Json;

namespace Tunnel.Integration.Tests.Programs;

/// <summary>What the programs are built with, as the runtime reads it.</summary>
public sealed class SwitchTests
{
    [Theory]
    [InlineData("tunnel-server")]
    [InlineData("tunnel-agent")]
    public void Metrics_CanBeReadFromOutside(string program)
    {
        string file = Path.Combine(AppContext.BaseDirectory, $"{program}.runtimeconfig.json");
        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(file));
        config.RootElement.GetProperty("runtimeOptions").GetProperty("configProperties")
            .GetProperty("System.Diagnostics.Tracing.EventSource.IsSupported").GetBoolean().Should().BeTrue();
    }
}
