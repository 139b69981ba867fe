using Tunnel.Agent.Service;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Service;
using Tunnel.TestSupport;

namespace Tunnel.Agent.Tests.Service;

public sealed class AgentServiceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Settings => _folder.File("tunnel.yaml");

    private string Variables => _folder.File("p.env");

    [Fact]
    public void Service_RunsEveryTunnelOfItsFile()
    {
        File.WriteAllText(Settings, "tunnels: { web: 8080, api: 3000 }");

        ServiceDescription service = Describe();

        service.Command.Skip(1).Should().EndWith(["start", "--all", "--config", Settings]);
        service.Variables.Should().BeEmpty();
        service.Purpose.Should().Contain("web, api");
    }

    [Fact]
    public void Service_WithoutAFile_IsRefusedWithWhatMakesOne() =>
        FluentActions.Invoking(Describe).Should().Throw<SettingException>().Where(error => error.Error == AgentErrors.ServiceWithoutSettings && error.Message.Contains($"config example > {Settings}"));

    [Fact]
    public void Service_OfAFileWithMistakes_IsRefusedWithEachOfThem()
    {
        File.WriteAllText(Settings, "tunnels:\n  web: { prot: 1 }\n  api: { port: x }\n");
        FluentActions.Invoking(Describe).Should().Throw<OptionException>().Where(error => error.Faults.Count == 2);
    }

    [Fact]
    public void Variables_OfTheFile_AreTakenFromTheShellElseFromWhatTheServiceHas()
    {
        string mine = $"TUNNEL_TEST_{Environment.ProcessId}";
        File.WriteAllText(Settings, $"tunnels: {{ web: {{ port: 1, basic-auth: [\"anna:${{{mine}}}\", \"bert:${{{mine}_KEPT}}\"] }} }}");
        File.WriteAllText(Variables, $"{mine}=old\n{mine}_KEPT='kept'\n{mine}_OTHER=1\n");
        Environment.SetEnvironmentVariable(mine, "new");
        try
        {
            Describe().Variables.Should().BeEquivalentTo(new Dictionary<string, string> { [mine] = "new", [$"{mine}_KEPT"] = "kept" });
        }
        finally
        {
            Environment.SetEnvironmentVariable(mine, null);
        }

        Describe().Variables[mine].Should().Be("old");
    }

    [Fact]
    public void Files_ThatTheServiceReads_AreKnown()
    {
        File.WriteAllText(_folder.File("visitors"), "anna:$2y$05$abcdefghijklmnopqrstuuJIxx1W9Wd9b0bLlyMJK1Yp7c9mqlqGm\n");
        File.WriteAllText(Settings, "ca: ca.pem\ntunnels: { web: { port: 1, basic-auth-file: visitors } }");
        Describe().Reads.Should().BeEquivalentTo([Settings, _folder.File("ca.pem"), _folder.File("visitors")]);
    }

    private ServiceDescription Describe() => AgentService.Describe(Settings, new ServiceWish("tunnel-agent", IsOfMachine: false, Variables));
}
