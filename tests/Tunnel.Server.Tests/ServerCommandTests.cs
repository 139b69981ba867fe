using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests;

/// <summary>The console is everybody's: these run by themselves.</summary>
[CollectionDefinition(nameof(ConsoleAlone), DisableParallelization = true)]
public sealed class ConsoleAlone;

[Collection(nameof(ConsoleAlone))]
public sealed class ServerCommandTests
{
    [Fact]
    public async Task Help_ShowsWhatPeopleUseAndFitsTheScreen()
    {
        (int code, string output, _) = await RunAsync("--help");
        code.Should().Be(ExitCodes.Stopped);
        output.Should().Contain("--domain").And.Contain("--cert FILE").And.Contain("--help-all").And.Contain("Examples:").And.NotContain("--max-head");
        output.Split('\n').Should().OnlyContain(line => line.Length < 80).And.HaveCountLessThan(60);
    }

    [Fact]
    public async Task WholeHelp_NamesEveryOptionAndItsVariable()
    {
        (int code, string output, _) = await RunAsync("--help-all");
        code.Should().Be(ExitCodes.Stopped);
        ServerDeclarations.All.Should().HaveCountGreaterThan(40);
        foreach (OptionDeclaration option in ServerDeclarations.All)
        {
            output.Should().Contain(option.Flag);
            output.Should().Contain("[TUNNEL_SERVER_" + option.Name.Replace('-', '_').ToUpperInvariant() + "]");
        }

        output.Split('\n').Should().OnlyContain(line => line.Length < 80);
    }

    [Theory]
    [InlineData("--http-port", "http")]
    [InlineData("--http-port", "70000")]
    [InlineData("--agent-port", "-1")]
    [InlineData("--bind", "somewhere")]
    [InlineData("--head-time", "soon")]
    [InlineData("--idle-time", "0")]
    [InlineData("--max-body", "1.5")]
    [InlineData("--memory-limit", "256")]
    [InlineData("--memory-limit", "256 MiB")]
    [InlineData("--memory-limit", "9999999999GiB")]
    [InlineData("--max-streams", "0")]
    [InlineData("--log-level", "loud")]
    [InlineData("--log-format", "xml")]
    [InlineData("--trusted-proxy", "everybody")]
    [InlineData("--public-url", "tunnel.com")]
    [InlineData("--public-url", "https://another.example")]
    [InlineData("--public-url", "https://localhost/path")]
    [InlineData("--public-url", "ftp://localhost")]
    [InlineData("--public-url", "https://user:word@localhost")]
    [InlineData("--errors-url", "errors")]
    [InlineData("--errors-url", "ftp://tunnel.com")]
    [InlineData("--landing-page", "maybe")]
    [InlineData("--no-such-option", "1")]
    public async Task Usage_ThatIsWrong_IsExitCode2AndNamesTheOption(string option, string value)
    {
        (int code, _, string error) = await RunAsync(option, value);
        code.Should().Be(ExitCodes.WrongUsage);
        error.Should().Contain(option).And.Contain("--help").And.Contain("[wrong-usage]");
    }

    [Theory]
    [InlineData("")]
    [InlineData("\uFFFD")]
    public async Task Option_WhateverItIs_WithoutAValueThatCanBeOne_IsExitCode2AndNamed(string value)
    {
        string[] options = [.. ServerDeclarations.All.Where(option => option.Shape != OptionShape.Switch).Select(option => option.Flag)];
        options.Should().HaveCountGreaterThan(30);
        foreach (string option in options)
        {
            (int code, _, string error) = await RunAsync([option, value]).Within();
            code.Should().Be(ExitCodes.WrongUsage, option);
            error.Should().Contain($"{option}: ").And.Contain("--help");
        }
    }

    [Fact]
    public async Task Domain_ThatIsNone_IsExitCode2()
    {
        (int code, _, string error) = await RunAsync("--domain", "not a\u001bdomain", "--http-port", "0", "--agent-port", "0");
        code.Should().Be(ExitCodes.WrongUsage);
        error.Should().Contain("domain").And.NotContain("\u001b");
    }

    [Fact]
    public async Task Variable_WithABadValue_IsNamed()
    {
        Environment.SetEnvironmentVariable("TUNNEL_SERVER_MAX_SESSIONS", "many");
        try
        {
            (int code, _, string error) = await RunAsync("--http-port", "0", "--agent-port", "0");
            code.Should().Be(ExitCodes.WrongUsage);
            error.Should().Contain("TUNNEL_SERVER_MAX_SESSIONS").And.Contain("many");
        }
        finally
        {
            Environment.SetEnvironmentVariable("TUNNEL_SERVER_MAX_SESSIONS", null);
        }
    }

    [Fact]
    public async Task Port_ThatIsTaken_IsExitCode1AndSaysWhatToDo()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        string folder = Directory.CreateTempSubdirectory("tunnel-command-").FullName;
        int port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        (int code, _, string error) = await RunAsync("--bind", "127.0.0.1", "--http-port", "0", "--agent-port", $"{port}", "--state-dir", folder);
        Directory.Delete(folder, recursive: true);
        code.Should().Be(ExitCodes.Failed);
        error.Should().Contain($"{port}").And.Contain("--agent-port").And.EndWith("[port-in-use]\n");
    }

    /// <summary>Wherever that is: at the system's place, too, there are tokens to lose.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TokenStore_ThatIsDamaged_IsExitCode1(bool isSystemsPlace)
    {
        string folder = Directory.CreateTempSubdirectory("tunnel-command-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "tokens.json"), "{ half");
        Environment.SetEnvironmentVariable("STATE_DIRECTORY", isSystemsPlace ? folder : null);
        try
        {
            string[] place = isSystemsPlace ? [] : ["--state-dir", folder];
            (int code, string output, string error) = await RunAsync(["--bind", "127.0.0.1", "--http-port", "0", "--agent-port", "0", .. place]);
            code.Should().Be(ExitCodes.Failed);
            error.Should().Contain("tokens.json").And.Contain("--state-dir").And.Contain("[state-unusable]");
            output.Should().NotContain("Ready");
        }
        finally
        {
            Environment.SetEnvironmentVariable("STATE_DIRECTORY", null);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("list")]
    [InlineData("revoke", "laptop")]
    public async Task Tokens_OfAFolderThatIsNoServers_AreNoneAndNothingIsMade(params string[] command)
    {
        string parent = Directory.CreateTempSubdirectory("tunnel-command-").FullName;
        try
        {
            foreach (string folder in new[] { parent, Path.Combine(parent, "mistyped") })
            {
                (int code, _, string error) = await RunAsync(["token", .. command, "--state-dir", folder]);
                code.Should().Be(ExitCodes.Failed);
                error.Should().Contain(folder).And.Contain("no server's folder").And.Contain("--state-dir");
            }

            Directory.EnumerateFileSystemEntries(parent).Should().BeEmpty();
        }
        finally
        {
            Directory.Delete(parent, recursive: true);
        }
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        (TextWriter output, TextWriter error) = (Console.Out, Console.Error);
        using var outputText = new StringWriter();
        using var errorText = new StringWriter();
        Console.SetOut(outputText);
        Console.SetError(errorText);
        try
        {
            int code = await new ServerCommand().RunAsync(arguments);
            return (code, outputText.ToString(), errorText.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }
}
