using System.Text.RegularExpressions;
using Tunnel.Hosting;
using Tunnel.TestSupport;

namespace Tunnel.Agent.Tests;

/// <summary>The console is everybody's: these run by themselves.</summary>
[CollectionDefinition(nameof(ConsoleAlone), DisableParallelization = true)]
public sealed class ConsoleAlone;

[Collection(nameof(ConsoleAlone))]
public sealed class AgentCommandTests
{
    private static readonly string[] Options =
    [
        "--port", "--subdomain", "--hostname", "--local-host", "--server", "--host-header", "--via", "--answer-time", "--grace",
        "--log-level", "--log-format", "--memory-limit",
    ];

    [Fact]
    public async Task Help_NamesEveryOptionAndItsVariable()
    {
        (int code, string output, _) = await RunAsync("--help");
        code.Should().Be(ExitCodes.Stopped);
        foreach (string option in Options)
        {
            output.Should().Contain(option);
            output.Should().Contain("[TUNNEL_AGENT_" + option[2..].Replace('-', '_').ToUpperInvariant() + "]");
        }
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
        (_, string help, _) = await RunAsync("--help");
        string[] options = [.. Regex.Matches(help, "^ *(--[a-z-]+) <", RegexOptions.Multiline).Select(match => match.Groups[1].Value)];
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
