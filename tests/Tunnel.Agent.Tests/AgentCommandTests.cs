using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.TestSupport;

namespace Tunnel.Agent.Tests;

/// <summary>The console is everybody's: these run by themselves.</summary>
[CollectionDefinition(nameof(ConsoleAlone), DisableParallelization = true)]
public sealed class ConsoleAlone;

[Collection(nameof(ConsoleAlone))]
public sealed class AgentCommandTests
{
    private static readonly string[] Common =
    [
        "--subdomain", "--port", "ORIGIN", "--hostname", "--protocol", "--host-header", "--server", "--basic-auth-file",
    ];

    [Fact]
    public async Task Help_ShowsWhatPeopleUseAndFitsTheScreen()
    {
        (int code, string output, _) = await RunAsync("--help");
        code.Should().Be(ExitCodes.Stopped);
        foreach (string option in Common)
        {
            output.Should().Contain(option);
        }

        output.Should().Contain("--help-all").And.Contain("Examples:").And.NotContain("--answer-idle-time");
        output.Split('\n').Should().OnlyContain(line => line.Length < 80).And.HaveCountLessThan(60);
    }

    [Theory]
    [InlineData("tunnels: { web: 1 }", false)]
    [InlineData("tunnels: { web: 1, api: 2 }", true)]
    public async Task Start_WithoutNames_AsksWhichOnlyWhereThereIsAChoice(string text, bool asks)
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("tunnel.yaml"), text);
        (int code, _, string error) = await RunAsync("start", "--config", folder.File("tunnel.yaml"), "--grace", "soon");
        code.Should().Be(ExitCodes.WrongUsage);
        error.Should().Contain("--grace: ");
        error.Contains("Which tunnels? Name them, or say --all.", StringComparison.Ordinal).Should().Be(asks);
    }

    [Fact]
    public async Task WholeHelp_NamesEveryOptionAndItsVariable()
    {
        (int code, string output, _) = await RunAsync("--help-all");
        code.Should().Be(ExitCodes.Stopped);
        AgentCommand.Declarations.Should().HaveCountGreaterThan(25);
        foreach (OptionDeclaration option in AgentCommand.Declarations)
        {
            output.Should().Contain(option.Flag);
            output.Should().Contain("[TUNNEL_AGENT_" + option.Name.Replace('-', '_').ToUpperInvariant() + "]");
        }

        output.Split('\n').Should().OnlyContain(line => line.Length < 80);
    }

    [Theory]
    [InlineData("--subdomian", "--subdomain")]
    [InlineData("--hostheader", "--host-header")]
    [InlineData("--tokenfile", "--token-file")]
    public async Task Option_ThatIsMisspelt_IsToldWithTheOneThatWasMeant(string given, string meant)
    {
        (int code, _, string error) = await RunAsync("--port", "1", given, "value");
        code.Should().Be(ExitCodes.WrongUsage);
        error.Should().Contain($"'{given}' is not known here. Did you mean '{meant}'?").And.NotContain("'value'");
    }

    [Fact]
    public async Task Mistakes_AreToldAllAtOnce()
    {
        (int code, _, string error) = await RunAsync("--port", "eighty", "--grace", "-1", "--via", "maybe", "--allow", "10.0.0.0/99");
        code.Should().Be(ExitCodes.WrongUsage);
        error.Should().Contain("--port: 'eighty'").And.Contain("--grace: '-1'").And.Contain("--via: 'maybe'");
    }

    [Theory]
    [InlineData("http", "8080", "--port", "9090")]
    [InlineData("8080", "tcp")]
    [InlineData("demo")]
    [InlineData("https://localhost:1/path")]
    [InlineData("8080", "8081")]
    [InlineData("tcp", "5432", "--protocol", "tls")]
    public async Task Origin_ThatIsNone_OrGivenTwice_IsExitCode2(params string[] arguments)
    {
        (int code, _, string error) = await RunAsync(arguments);
        code.Should().Be(ExitCodes.WrongUsage);
        error.Should().Contain("--help");
    }

    [Fact]
    public async Task Port_ThatIsMissing_IsExitCode2AndSaysSo()
    {
        (int code, _, string error) = await RunAsync("--subdomain", "demo");
        code.Should().Be(ExitCodes.WrongUsage);
        error.Should().Contain("--port").And.Contain("--help");
    }

    [Theory]
    [InlineData("--port", "eighty")]
    [InlineData("--port", "0")]
    [InlineData("--server", "a:b:c")]
    [InlineData("--server", "host:99999")]
    [InlineData("--host-header", "two words")]
    [InlineData("--via", "maybe")]
    [InlineData("--answer-time", "0")]
    [InlineData("--answer-time", "-1")]
    [InlineData("--answer-time", "NaN")]
    [InlineData("--grace", "-Infinity")]
    [InlineData("--links", "99999999999999999999")]
    [InlineData("--local-host", "http://localhost")]
    [InlineData("--memory-limit", "1MB")]
    [InlineData("--memory-limit", "1KiB")]
    [InlineData("--log-level", "loud")]
    [InlineData("--no-such-option", "1")]
    public async Task Usage_ThatIsWrong_IsExitCode2AndNamesTheOption(string option, string value)
    {
        string[] port = option == "--port" ? [] : ["--port", "8080"];
        (int code, _, string error) = await RunAsync([.. port, option, value]);
        code.Should().Be(ExitCodes.WrongUsage);
        error.Should().Contain(option).And.Contain("--help");
    }

    [Theory]
    [InlineData("")]
    [InlineData("\uFFFD")]
    public async Task Option_WhateverItIs_WithoutAValueThatCanBeOne_IsExitCode2AndNamed(string value)
    {
        string[] options = [.. AgentCommand.Declarations.Where(option => option.Shape != OptionShape.Switch).Select(option => option.Flag)];
        options.Should().HaveCountGreaterThan(18);
        foreach (string option in options)
        {
            (int code, _, string error) = await RunAsync(option == "--port" ? [option, value] : ["--port", "1", option, value]).Within();
            code.Should().Be(ExitCodes.WrongUsage, option);
            error.Should().Contain($"{option}: ").And.Contain("--help");
        }
    }

    [Fact]
    public async Task Names_OfBothKinds_ExcludeEachOther()
    {
        (int code, _, string error) = await RunAsync("--port", "1", "--subdomain", "a", "--hostname", "b.c");
        code.Should().Be(ExitCodes.WrongUsage);
        error.Should().Contain("--subdomain").And.Contain("--hostname");
    }

    [Fact]
    public async Task Variable_WithABadValue_IsNamedAndMadePrintable()
    {
        Environment.SetEnvironmentVariable("TUNNEL_AGENT_PORT", "\u001bx");
        try
        {
            (int code, _, string error) = await RunAsync("--subdomain", "demo");
            code.Should().Be(ExitCodes.WrongUsage);
            error.Should().Contain("TUNNEL_AGENT_PORT").And.NotContain("\u001b");
        }
        finally
        {
            Environment.SetEnvironmentVariable("TUNNEL_AGENT_PORT", null);
        }
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        (TextWriter output, TextWriter error) = (System.Console.Out, System.Console.Error);
        using var outputText = new StringWriter();
        using var errorText = new StringWriter();
        System.Console.SetOut(outputText);
        System.Console.SetError(errorText);
        try
        {
            int code = await new AgentCommand().RunAsync(arguments);
            return (code, outputText.ToString(), errorText.ToString());
        }
        finally
        {
            System.Console.SetOut(output);
            System.Console.SetError(error);
        }
    }
}
