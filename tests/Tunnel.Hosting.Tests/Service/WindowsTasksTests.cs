using System.Text;
using System.Xml.Linq;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Service;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Service;

/// <summary>What is called of the Task Scheduler, and what is made of its answers; it is not here itself.</summary>
public sealed class WindowsTasksTests : IDisposable
{
    private const string Windows = @"C:\Windows\System32";
    private const string Mine = @"\Tunnel-anna\p";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Definition => _folder.File("p.xml");

    [Fact]
    public void Calls_AreThoseOfTheManual()
    {
        WindowsTasks tasks = Tasks();
        Lines(tasks.Install("p", isStarted: true)).Should().Equal(Call($"/End /TN {Mine}"), Call($"/Create /TN {Mine} /XML {Definition} /F"), Call($"/Run /TN {Mine}"));
        Lines(tasks.Install("p", isStarted: false)).Should().Equal(Call($"/End /TN {Mine}"), Call($"/Create /TN {Mine} /XML {Definition} /F"));
        Lines(tasks.Start("p")).Should().Equal(Call($"/Run /TN {Mine}"));
        Lines(tasks.Stop("p")).Should().Equal(Call($"/End /TN {Mine}"));
        Lines(tasks.Restart("p")).Should().Equal(Call($"/End /TN {Mine}"), Call($"/Run /TN {Mine}"));
        Lines(tasks.Remove("p")).Should().Equal(Call($"/End /TN {Mine}"), Call($"/Delete /TN {Mine} /F"));
        tasks.Install("p", isStarted: true).Select(call => call.MayFail).Should().Equal(true, false, false);
    }

    [Fact]
    public void Names_OfTheMachineAndOfUsers_AreNotTheSame()
    {
        Machine().NameOf("p").Should().Be(@"\Tunnel\p");
        Tasks().NameOf("p").Should().Be(Mine);
    }

    [Fact]
    public void Definition_IsWrittenAsWindowsReadsIt_AndAChangeIsSeen()
    {
        Tasks().FileOf(Service()).Write();

        File.ReadAllBytes(Definition).Should().StartWith([0xFF, 0xFE]);
        XDocument.Load(Definition).Root!.Name.LocalName.Should().Be("Task");
        ServiceFile.StateOf(Definition).Should().Be(ServiceFileState.Ours);
        File.WriteAllText(Definition, File.ReadAllText(Definition).Replace("IgnoreNew", "Parallel", StringComparison.Ordinal), Encoding.Unicode);
        ServiceFile.StateOf(Definition).Should().Be(ServiceFileState.Changed);
    }

    [Theory]
    [InlineData("267009", ServiceStanding.Running, "")]
    [InlineData("267045", ServiceStanding.Starting, "")]
    [InlineData("267011", ServiceStanding.Stopped, "")]
    [InlineData("267014", ServiceStanding.Stopped, "")]
    [InlineData("0", ServiceStanding.Stopped, "")]
    [InlineData("3", ServiceStanding.Failed, "it ended with exit code 3")]
    [InlineData("-2147024894", ServiceStanding.Failed, "it ended with 0x80070002")]
    public async Task State_IsToldInOurWords_WhateverLanguageTheMachineSpeaks(string result, ServiceStanding standing, string reason)
    {
        string line = $"\r\n\"PC\",\"{Mine}\",\"Nicht zutreffend\",\"Wird ausgeführt\",\"Nur interaktiv\",\"28.11.2026, 10:00:00\",\"{result}\",\"anna\",\"C:\\p.exe \"service\" \"run\"\",\"\"\r\n";
        ServiceState state = await Tasks().FindStateAsync("p", new Printed(0, line));
        (state.Standing, state.Reason, state.Process).Should().Be((standing, reason, 0));
    }

    [Fact]
    public async Task Task_ThatIsNotThere_IsUnknown_AndAnAnswerThatIsNoneIsTold()
    {
        (await Tasks().FindStateAsync("p", new Printed(1, ""))).Standing.Should().Be(ServiceStanding.Unknown);
        (await FluentActions.Awaiting(() => Tasks().FindStateAsync("p", new Printed(0, "INFO"))).Should().ThrowAsync<ServiceException>())
            .Which.Error.Should().Be(ProgramErrors.ServiceToolFailed);
    }

    [Fact]
    public void Log_IsReadByItsLiteralPath()
    {
        ToolCall call = new WindowsTasks(null, _folder.Path, "/it's \u2019here", Windows).Logs("p", 5, isFollowed: true);
        call.Program.Should().Be(Windows + @"\WindowsPowerShell\v1.0\powershell.exe");
        call.Arguments.Should().Equal("-NoProfile", "-Command", "Get-Content -Encoding UTF8 -LiteralPath '/it''s \u2019\u2019here/p.log' -Tail 5 -Wait");
    }

    [Fact]
    public void Service_ThatATaskCannotBe_IsRefused()
    {
        Tasks().FindFaults(Service()).Should().BeEmpty();
        Tasks().FindFaults(Service() with { Account = "bert" }).Should().ContainSingle().Which.Should().Contain("--run-as");
        Tasks().FindFaults(Service("--domain", "%USERDOMAIN%", "$(Arg0)")).Should().HaveCount(2).And.OnlyContain(fault => fault.Contains("variable"));
        string mine = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "x");
        Machine().FindFaults(Service() with { Reads = [mine] }).Should().ContainSingle().Which.Should().StartWith($"{mine} lies in your profile");
        Tasks().FindFaults(Service() with { Reads = [mine] }).Should().BeEmpty();
    }

    [Fact]
    public async Task Secrets_HaveNoPlace_AndNoneIsWritten()
    {
        ServiceDescription service = Service() with { Variables = new Dictionary<string, string> { ["PASS"] = "secret" }, TokenFile = "/t" };
        var installer = new ServiceInstaller(Tasks(), new Printed(0, ""), _ => Task.CompletedTask);
        (await FluentActions.Awaiting(() => installer.InstallAsync(service, isStarted: true, isForced: false, TimeProvider.System)).Should().ThrowAsync<ServiceException>())
            .Which.Should().Match<ServiceException>(error => error.Error == ProgramErrors.ServiceVariables && error.Message.Contains("PASS") && !error.Message.Contains("secret"));
        Directory.GetFileSystemEntries(_folder.Path).Should().BeEmpty();
    }

    private static string Call(string arguments) => $@"{Windows}\schtasks.exe {arguments}";

    private static IEnumerable<string> Lines(IEnumerable<ToolCall> calls) => calls.Select(call => call.ToString());

    private static ServiceDescription Service(params string[] arguments) => new("p", "p", [@"C:\p.exe", .. arguments]);

    private WindowsTasks Tasks() => new(@"HOME\anna", _folder.Path, _folder.Path, Windows);

    private WindowsTasks Machine() => new(null, _folder.Path, _folder.Path, Windows);

    private sealed class Printed(int code, string output) : ISystemTools
    {
        public Task<ToolResult> RunAsync(ToolCall call) => Task.FromResult(new ToolResult(code, output, ""));

        public Task<int> ShowAsync(ToolCall call) => throw new NotSupportedException();
    }
}
