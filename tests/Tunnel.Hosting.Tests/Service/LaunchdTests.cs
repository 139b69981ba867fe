using System.Diagnostics;
using System.Xml.Linq;
using Tunnel.Hosting.Service;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Service;

/// <summary>What is written for launchd, read by parsers that are here; launchd itself is not.</summary>
public sealed class LaunchdTests : IDisposable
{
    private static readonly string[] Words = ["/Applications/a b/p", "", " x ", "<&>\"'", "]]>", "100% $HOME", @"back\slash", "Zürich 東京", "-->"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void List_HasEveryWordAsItIs()
    {
        XElement list = XDocument.Parse(File(new ServiceDescription("p", "p-two", Words) { Account = "anna", Group = "staff" }).Sealed).Root!.Element("dict")!;

        Value(list, "ProgramArguments").Elements().Select(word => word.Value).Should().Equal(Words);
        Value(list, "Label").Value.Should().Be("p-two");
        Value(list, "UserName").Value.Should().Be("anna");
        Value(list, "GroupName").Value.Should().Be("staff");
        Value(list, "Umask").Value.Should().Be("63");
        Value(list, "StandardErrorPath").Value.Should().Be(_folder.File("Logs/p-two.log"));
    }

    [ProgramFact("python3")]
    public async Task List_IsReadByAnother()
    {
        ServiceFile file = File(new ServiceDescription("p", "p", Words));
        file.Write();
        const string Read = "import plistlib, sys; sys.stdout.buffer.write('\\0'.join(plistlib.load(open(sys.argv[1], 'rb'))['ProgramArguments']).encode())";
        using Process python = Process.Start(new ProcessStartInfo(InstalledPrograms.Find("python3")!, ["-c", Read, file.Path]) { RedirectStandardOutput = true, StandardOutputEncoding = System.Text.Encoding.UTF8 })!;

        (await python.StandardOutput.ReadToEndAsync().Within()).Split('\0').Should().Equal(Words);
        ServiceFile.StateOf(file.Path).Should().Be(ServiceFileState.Ours);
    }

    [Theory]
    [InlineData("gui/501/p = {\n\tstate = running\n\tpid = 7\n\tlast exit code = (never exited)\n\tx = {\n\t\tstate = active\n\t}\n}\n", ServiceStanding.Running, 7, "")]
    [InlineData("gui/501/p = {\n\tstate = spawn scheduled\n\tlast exit code = 3\n}\n", ServiceStanding.Starting, 0, "it ended with exit code 3")]
    [InlineData("gui/501/p = {\n\tstate = not running\n\tlast exit code = 0\n}\n", ServiceStanding.Stopped, 0, "")]
    [InlineData(null, ServiceStanding.Unknown, 0, "")]
    public async Task State_IsToldInOurWords(string? said, ServiceStanding standing, int process, string reason)
    {
        ServiceState state = await Launchd().FindStateAsync("p", new Printed(said));
        (state.Standing, state.Process, state.Reason).Should().Be((standing, process, reason));
    }

    [Fact]
    public void Service_OfTheMachine_IsNotRoots()
    {
        var system = new Launchd(isOfMachine: true, "system", _folder.Path);
        var service = new ServiceDescription("p", "p", ["/bin/true"]);
        system.FindFaults(service).Should().ContainSingle().Which.Should().Contain("--run-as");
        system.FindFaults(service with { Account = "anna" }).Should().BeEmpty();
        system.Install("p", isStarted: true).Select(call => call.ToString()).Should().Equal(
            "launchctl bootout system/p", "launchctl enable system/p", $"launchctl bootstrap system {_folder.File("LaunchDaemons/p.plist")}");
    }

    private static XElement Value(XElement list, string key) => list.Elements("key").Single(one => one.Value == key).ElementsAfterSelf().First();

    private Launchd Launchd() => new(isOfMachine: false, "gui/501", _folder.Path);

    private ServiceFile File(ServiceDescription service) => Launchd().FileOf(service);

    private sealed class Printed(string? text) : ISystemTools
    {
        public Task<ToolResult> RunAsync(ToolCall call) => Task.FromResult(new ToolResult(text is null ? 113 : 0, text ?? "", ""));

        public Task<int> ShowAsync(ToolCall call) => throw new NotSupportedException();
    }
}
