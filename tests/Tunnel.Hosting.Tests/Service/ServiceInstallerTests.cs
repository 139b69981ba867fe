using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Service;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Service;

/// <summary>Install and uninstall, with systemd's own tools played: what is written, called and told, and what is left alone.</summary>
public sealed class ServiceInstallerTests : IDisposable
{
    private const string Running = "LoadState=loaded\nActiveState=active\nMainPID=7\nResult=success\nUnitFileState=enabled\n";

    private readonly TemporaryFolder _folder = new();
    private readonly PlayedTools _tools = new();
    private readonly List<string> _told = [];

    public void Dispose() => _folder.Dispose();

    private string UnitPath => _folder.File("units/p.service");

    private string VariablesPath => _folder.File("settings/p/p.env");

    [Fact]
    public async Task Install_WritesTheUnitAndStartsIt_AndTellsEachStep()
    {
        await InstallAsync();

        ServiceFile.StateOf(UnitPath).Should().Be(ServiceFileState.Ours);
        _tools.Calls.Should().Equal("systemctl --user daemon-reload", "systemctl --user enable p.service", "systemctl --user restart p.service", ShowCall);
        _told.Should().Equal(_tools.Calls.SkipLast(1).Select(call => $"Ran   {call}").Prepend($"Wrote {UnitPath}"));
    }

    [Fact]
    public async Task Install_ShownOnly_DoesNothing()
    {
        await Installer().ShowPlanAsync(Service(("PASS", "secret")), isStarted: true);

        Directory.GetFileSystemEntries(_folder.Path).Should().BeEmpty();
        _tools.Calls.Should().BeEmpty();
        _told.Should().Contain(line => line.StartsWith($"Would write {UnitPath}:") && line.Contains("ExecStart=/bin/true"))
            .And.Contain("Would run   systemctl --user restart p.service").And.NotContain(line => line.Contains("secret"));
    }

    [Fact]
    public async Task Install_OverAUnitThatAPersonChanged_IsRefusedUnlessForced()
    {
        await InstallAsync();
        await File.AppendAllTextAsync(UnitPath, "# mine\n");
        string theirs = await File.ReadAllTextAsync(UnitPath);
        _tools.Calls.Clear();

        (await FluentActions.Awaiting(() => InstallAsync()).Should().ThrowAsync<ServiceException>()).Which.Error.Should().Be(ProgramErrors.ServiceFileChanged);
        (await FluentActions.Awaiting(() => Installer().UninstallAsync("p", "p", isForced: false)).Should().ThrowAsync<ServiceException>()).Which.Error.Should().Be(ProgramErrors.ServiceFileChanged);
        (await File.ReadAllTextAsync(UnitPath)).Should().Be(theirs);
        _tools.Calls.Should().BeEmpty();

        await InstallAsync(isForced: true);
        ServiceFile.StateOf(UnitPath).Should().Be(ServiceFileState.Ours);
    }

    [Fact]
    public async Task Uninstall_RemovesWhatInstallWroteAndNothingElse_AndMayBeRepeated()
    {
        await InstallAsync(("PASS", "x"));
        string dropIn = Path.Combine(_folder.Folder("units/p.service.d"), "mine.conf");
        await File.WriteAllTextAsync(dropIn, "[Service]\n");
        _tools.Calls.Clear();

        (await Installer().UninstallAsync("p", "p", isForced: false)).Should().BeTrue();

        _tools.Calls.Should().Equal("systemctl --user stop p.service", "systemctl --user disable p.service", "systemctl --user daemon-reload", "systemctl --user reset-failed p.service");
        Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).Should().Equal(dropIn);
        (await Installer().UninstallAsync("p", "p", isForced: false)).Should().BeFalse();
        _tools.Calls.Should().HaveCount(4);
    }

    [Fact]
    public async Task Variables_OfAPerson_StayAsTheyAre()
    {
        await InstallAsync(("PASS", "x"));
        await File.AppendAllTextAsync(VariablesPath, "OTHER=1\n");
        string theirs = await File.ReadAllTextAsync(VariablesPath);

        await InstallAsync(("PASS", "y"), ("OTHER", "2"));
        (await File.ReadAllTextAsync(VariablesPath)).Should().Be(theirs);
        (await FluentActions.Awaiting(() => InstallAsync(("PASS", "y"), ("MORE", "3"))).Should().ThrowAsync<ServiceException>()).Which
            .Should().Match<ServiceException>(error => error.Error == ProgramErrors.ServiceVariables && error.Message.Contains("MORE"));
        await Installer().UninstallAsync("p", "p", isForced: false);
        (await File.ReadAllTextAsync(VariablesPath)).Should().Be(theirs);
        _told.Should().Contain($"Left {VariablesPath}, which is yours");
    }

    [Fact]
    public async Task Service_ThatEndsAtOnce_IsToldWithItsLastLines()
    {
        _tools.State = "LoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainStatus=3\n";
        _tools.Log = "token-revoked\n";

        ServiceException error = (await FluentActions.Awaiting(() => InstallAsync()).Should().ThrowAsync<ServiceException>()).Which;

        error.Error.Should().Be(ProgramErrors.ServiceDoesNotRun);
        error.Message.Should().Contain("it ended with exit code 3").And.Contain("token-revoked");
    }

    [Fact]
    public async Task Tool_ThatRefuses_IsToldInItsWords()
    {
        _tools.Fault = ("enable", "Access denied");

        ServiceException error = (await FluentActions.Awaiting(() => InstallAsync()).Should().ThrowAsync<ServiceException>()).Which;

        error.Error.Should().Be(ProgramErrors.ServiceToolFailed);
        error.Message.Should().Be("systemctl --user enable p.service failed: Access denied");
    }

    [Theory]
    [InlineData("LoadState=not-found\nActiveState=inactive\n", ServiceStanding.Unknown, "")]
    [InlineData("LoadState=loaded\nActiveState=inactive\nResult=success\n", ServiceStanding.Stopped, "")]
    [InlineData("LoadState=loaded\nActiveState=activating\nResult=success\n", ServiceStanding.Starting, "")]
    [InlineData("LoadState=loaded\nActiveState=reloading\nMainPID=7\n", ServiceStanding.Running, "")]
    [InlineData("LoadState=loaded\nActiveState=failed\nResult=signal\n", ServiceStanding.Failed, "it ended with 'signal'")]
    public async Task State_IsToldInOurWords(string said, ServiceStanding standing, string reason)
    {
        _tools.State = said;
        ServiceState state = await Systemd().FindStateAsync("p", _tools);
        (state.Standing, state.Reason).Should().Be((standing, reason));
    }

    [LinuxTheory]
    [InlineData("/root/bin/p")]
    [InlineData("/home/anna/p")]
    [InlineData("/tmp/p")]
    public void Program_ThatAServiceOfTheMachineCannotSee_IsRefused(string program) =>
        new Systemd(isOfMachine: true, _folder.Path, _folder.Path).FindFaults(new ServiceDescription("p", "p", [program]) { Account = "anna" })
            .Should().ContainSingle().Which.Should().Contain(program).And.Contain("/usr/local/bin");

    [LinuxFact]
    public void File_ThatIsClosed_IsRefusedUnlessAnAccountIsNamed()
    {
        var system = new Systemd(isOfMachine: true, _folder.Path, _folder.Path);
        var service = new ServiceDescription("p", "p", ["/bin/sh"]) { Reads = ["/etc/shadow"] };
        system.FindFaults(service).Should().ContainSingle().Which.Should().StartWith("/etc/shadow is closed");
        system.FindFaults(service with { Account = "anna" }).Should().BeEmpty();
    }

    private static string ShowCall => "systemctl --user show p.service --property=LoadState,ActiveState,UnitFileState,MainPID,Result,ExecMainStatus,StateChangeTimestamp";

    private Systemd Systemd() => new(isOfMachine: false, _folder.File("units"), _folder.File("settings"));

    private ServiceInstaller Installer() => new(Systemd(), _tools, line =>
    {
        _told.Add(line);
        return Task.CompletedTask;
    });

    private Task InstallAsync(params (string Name, string Value)[] variables) => Installer().InstallAsync(Service(variables), isStarted: true, isForced: false, new Hurried());

    private Task InstallAsync(bool isForced) => Installer().InstallAsync(Service(), isStarted: true, isForced, new Hurried());

    private static ServiceDescription Service(params (string Name, string Value)[] variables) =>
        new("p", "p", ["/bin/true"]) { Variables = variables.ToDictionary(one => one.Name, one => one.Value) };

    /// <summary>Waits are over at once.</summary>
    private sealed class Hurried : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }

    private sealed class PlayedTools : ISystemTools
    {
        public List<string> Calls { get; } = [];

        public string State { get; set; } = Running;

        public string Log { get; set; } = "";

        public (string Word, string Words) Fault { get; set; } = ("none", "");

        public Task<ToolResult> RunAsync(ToolCall call)
        {
            Calls.Add(call.ToString());
            return Task.FromResult(call.Arguments.Contains(Fault.Word)
                ? new ToolResult(1, "", Fault.Words)
                : new ToolResult(0, call.Program == "journalctl" ? Log : call.Arguments.Contains("show") ? State : "", ""));
        }

        public Task<int> ShowAsync(ToolCall call) => throw new NotSupportedException();
    }
}
