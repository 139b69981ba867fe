using System.Diagnostics;
using Tunnel.Hosting.Service;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Service;

/// <summary>Words that a unit has to be careful with; tests/drills/service.py has a running systemd give them back.</summary>
public sealed class SystemdUnitTests
{
    public static TheoryData<string, string> HostileWords => new()
    {
        { "plain/word-1.2:3=4,5@x+y", "plain/word-1.2:3=4,5@x+y" },
        { "", "\"\"" },
        { "two words", "\"two words\"" },
        { " ", "\" \"" },
        { "100%", "\"100%%\"" },
        { "%n%h", "\"%%n%%h\"" },
        { "$HOME ${HOME}", "\"$$HOME $${HOME}\"" },
        { "say \"x\"", "\"say \\\"x\\\"\"" },
        { "it's", "\"it's\"" },
        { @"C:\x\", @"""C:\\x\\""" },
        { @"\x41\n", @"""\\x41\\n""" },
        { ";", "\";\"" },
        { "#", "\"#\"" },
        { "~root *?[a]", "\"~root *?[a]\"" },
        { "Zürich 東京", "\"Zürich 東京\"" },
    };

    [Theory]
    [MemberData(nameof(HostileWords))]
    public void CommandLine_WithAWordThatMeansSomething_SaysItAsItIs(string word, string written) =>
        SystemdUnit.CommandLine(["/bin/true", word]).Should().Be($"/bin/true {written}");

    [Fact]
    public void CommandLine_OfAProgramInAnOddFolder_HasNoVariablesToEscape() =>
        SystemdUnit.CommandLine(["/opt/a $b 100%/true"]).Should().Be("\"/opt/a $b 100%%/true\"");

    [Fact]
    public void Unit_OfTheMachine_HoldsNothingThatItDoesNotNeed()
    {
        string unit = Unit(new ServiceDescription("p", "p-two", ["/bin/true"]) { HasControl = true, FinalExitCodes = [2, 3] });

        unit.Should().Contain("\nDynamicUser=yes\n").And.Contain("\nCapabilityBoundingSet=\n").And.Contain("\nRuntimeDirectory=p-two\n").And.Contain("\nStateDirectory=p-two\n")
            .And.Contain("\nRestartPreventExitStatus=2 3\n").And.NotContain("LoadCredential").And.NotContain("LogsDirectory").And.NotContain("User=root");
    }

    [Fact]
    public void Unit_OfAService_HasWhatWasAskedForIt()
    {
        string unit = Unit(new ServiceDescription("p", "p", ["/bin/true"]) { Account = "anna", Group = "ssl-cert", TakesLowPorts = true, HasLogs = true, TokenFile = "/root/50%/token" });

        unit.Should().Contain("\nUser=anna\n").And.NotContain("DynamicUser").And.Contain("\nSupplementaryGroups=ssl-cert\n").And.Contain("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n")
            .And.Contain("\nLogsDirectory=p\n").And.Contain("\nLoadCredential=token:/root/50%%/token\n");
    }

    [Fact]
    public void Unit_OfAUser_AsksForNothingThatOnlyTheMachineGives() =>
        Unit(new ServiceDescription("p", "p", ["/bin/true"]) { HasControl = true, TakesLowPorts = true, HasLogs = true, TokenFile = "/t" }, isOfMachine: false)
            .Should().NotContain("Dynamic").And.NotContain("Capabilit").And.NotContain("Protect").And.NotContain("Private").And.NotContain("Directory").And.NotContain("network-online")
            .And.Contain("\nWantedBy=default.target\n").And.Contain("\nNoNewPrivileges=yes\n");

    [ProgramTheory("systemd-analyze")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Unit_WithEveryHostileWord_IsReadBySystemdWithoutAWord(bool isOfMachine)
    {
        using var folder = new TemporaryFolder();
        string program = folder.Folder("a $b 100% ü") + "/true";
        File.CreateSymbolicLink(program, InstalledPrograms.Find("true")!);
        var service = new ServiceDescription("p", "p-100", [program, .. HostileWords.Select(row => (string)row[0])]) { Account = "root", Group = "root", HasControl = true, HasLogs = true, TokenFile = folder.File("100% t") };
        string path = folder.File("p-100.service");
        await File.WriteAllTextAsync(path, SystemdUnit.Of(service, folder.File("a 100%.env"), isOfMachine));

        (int code, string said) = await AnalyzeAsync(folder, isOfMachine ? ["verify", path] : ["--user", "verify", path]);

        said.Should().BeEmpty();
        code.Should().Be(0);
    }

    [ProgramFact("systemd-analyze")]
    public async Task Unit_OfTheMachine_IsFoundSafe()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("p.service");
        await File.WriteAllTextAsync(path, Unit(new ServiceDescription("p", "p", ["/bin/true"]) { TakesLowPorts = true, HasLogs = true, HasControl = true }));

        // Of 10.0; 2.0 is what systemd calls OK, and an ordinary service is at 9.6.
        (int code, string said) = await AnalyzeAsync(folder, ["security", "--offline=yes", "--threshold=20", "--no-pager", path]);

        code.Should().Be(0, said);
    }

    private static string Unit(ServiceDescription service, bool isOfMachine = true) => SystemdUnit.Of(service, "/etc/p/p.env", isOfMachine);

    private static async Task<(int Code, string Said)> AnalyzeAsync(TemporaryFolder folder, string[] arguments)
    {
        var start = new ProcessStartInfo(InstalledPrograms.Find("systemd-analyze")!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["XDG_RUNTIME_DIR"] = folder.Path;
        start.Environment["SYSTEMD_UNIT_PATH"] = $"{folder.Path}:";
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync().Within();
        await process.WaitForExitAsync().Within();
        return (process.ExitCode, output + await error);
    }
}
