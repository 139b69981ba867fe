using System.CommandLine;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Service;
using Tunnel.Server.Identity;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests;

/// <summary>The server's settings file: what it says, what it does not hold against, and what is wrong with it.</summary>
public sealed class ServerFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void File_HoldsWhereNothingElseSaysOtherwise()
    {
        ServerOptions options = Bind("domain: tunnel.com\nhttp-port: 8000\ngrace: 5\nrequire-token: true\ntrusted-proxy: [10.0.0.0/8, 192.0.2.7]\nstate-dir: kept\n", "--http-port", "81").Options;
        options.Domain.Should().Be("tunnel.com");
        options.Listen.HttpPort.Should().Be(81, "the command line comes first");
        options.Grace.Should().Be(TimeSpan.FromSeconds(5));
        options.Agents.RequireToken.Should().BeTrue();
        options.Front.TrustedProxies.IsEmpty.Should().BeFalse();
        options.StateDir.Should().Be(_folder.File("kept"), "paths are relative to the file");
        options.Listen.AgentPort.Should().Be(ServerOptions.DefaultAgentPort);
    }

    [Theory]
    [InlineData("domian: x", ":1:1: 'domian' is not known here. Did you mean 'domain'?")]
    [InlineData("http-port: eighty", ":1:1: http-port: 'eighty' is not a whole number")]
    [InlineData("http-port: 70000", ":1:1: http-port takes a port from 1 to 65535, or 0 for any free one.")]
    [InlineData("config: other.yaml", ":1:1: 'config' is not known here.")]
    [InlineData("domain: [a, b]", ":1:1: domain takes one value (NAME), and here is a list.")]
    [InlineData("cert: ${NOT_SET_HERE}", ":1:7: the environment variable NOT_SET_HERE is not set.")]
    public void Mistake_IsToldWithPlaceKeyAndRemedy(string text, string fault) =>
        Bind(text).Faults.Should().Contain(line => line.StartsWith($"{_folder.File("tunnel.yaml")}{fault}", StringComparison.Ordinal));

    [Theory]
    [InlineData("a: [")]
    [InlineData("a:\n\tdomain: a")]
    public void Text_ThatIsNoYaml_IsToldAsTheOption(string text) => Bind(text).Faults.Should().ContainSingle().Which.Should().StartWith($"--config: {_folder.File("tunnel.yaml")}:");

    [Fact]
    public void File_ThatIsNotThere_IsToldAsTheOption()
    {
        var faults = new OptionFaults();
        ServerFile.Read(_folder.File("nowhere.yaml"), faults).Should().BeEmpty();
        faults.All.Should().ContainSingle().Which.Should().StartWith("--config: ").And.EndWith("nowhere.yaml cannot be read: there is no such file.");
    }

    [Fact]
    public void Change_WhileItRuns_IsTold()
    {
        string file = Write("domain: tunnel.com\ngrace: 5\n");
        var log = new RecordedLog();
        var settings = new ChangedSettings(file);
        settings.Tell(log);
        log.Lines.Should().BeEmpty();
        Write("domain: tunnel.com\ngrace: 6\nhttp-port: 81\n");
        settings.Tell(log);
        log.Lines.Should().HaveCount(2).And.Contain(line => line.Contains("grace has changed", StringComparison.Ordinal)).And.Contain(line => line.Contains("http-port has changed", StringComparison.Ordinal));
        Write("grace: soon\n");
        settings.Tell(log);
        log.Lines.Should().HaveCount(3).And.Contain(line => line.Contains("'soon'", StringComparison.Ordinal) && line.EndsWith("[settings-wrong]", StringComparison.Ordinal));
        new ChangedSettings(null).Tell(log);
        log.Lines.Should().HaveCount(3);
    }

    [Fact]
    public void Commands_OfTheServer_FindItsStateInTheSameFile()
    {
        string file = Write("domain: tunnel.com\nstate-dir: kept\n");
        var command = new RootCommand();
        var binder = new OptionBinder<TokenPlace>(command, ServerDeclarations.Prefix, TokenPlace.Declarations);
        var faults = new OptionFaults();
        binder.Bind(command.Parse([]), new TokenPlace(), faults, ServerFile.ReadWhere(file, faults)).StateDir.Should().Be(_folder.File("kept"));
        faults.All.Should().BeEmpty();
    }

    [Fact]
    public void Service_OfAFile_IsStartedWithItAndMayReadIt()
    {
        File.WriteAllText(_folder.File("cert.pem"), "");
        string file = Write("domain: tunnel.com\ncert: cert.pem\nkey: cert.pem\n");
        var command = new Command("install");
        Func<ParseResult, ServiceWish, ServiceDescription> describe = ServerService.Extend(command);
        ServiceDescription service = describe(command.Parse(["--config", file, "--http-port", "81"]), new ServiceWish("tunnel-server", IsOfMachine: true, VariablesPath: null));
        string.Join(" ", service.Command).Should().Contain($"--config {file}").And.Contain("--http-port 81").And.NotContain("--domain", "that is in the file");
        service.Reads.Should().Contain([file, _folder.File("cert.pem")]);
        service.Purpose.Should().Contain("tunnel.com");
    }

    private (ServerOptions Options, IReadOnlyList<string> Faults) Bind(string text, params string[] more)
    {
        var command = new RootCommand();
        var binder = new OptionBinder<ServerOptions>(command, ServerDeclarations.Prefix, ServerDeclarations.All);
        var faults = new OptionFaults();
        ServerOptions options = ServerFile.Bind(binder, command.Parse(["--config", Write(text), .. more]), new ServerOptions(), faults);
        return (options, faults.All);
    }

    private string Write(string text)
    {
        File.WriteAllText(_folder.File("tunnel.yaml"), text);
        return _folder.File("tunnel.yaml");
    }
}
