using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Programs;

/// <summary>What the shells make of the scripts that <c>completion</c> prints: each completes a line for real.</summary>
public sealed class CompletionTests : IDisposable
{
    // Both shells call a function with what stands on the line; these say it as the shells do.
    private const string AsBash = """
        PATH="$PWD:$PATH"; source "$1.bash"; complete -p "$1" >/dev/null || exit 1
        COMP_LINE=$2; COMP_POINT=${#2}; read -ra COMP_WORDS <<<"$2"; [[ $2 == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _${1/-/_}; printf '%s\n' "${COMPREPLY[@]}"
        """;

    private const string AsZsh = """
        PATH="$PWD:$PATH"; compdef() { :; }; compadd() { shift; print -l -- ${(M)@:#$PREFIX*}; }; _files() { :; }
        source "$1.zsh"; words=(${=2}); [[ $2 == *' ' ]] && words+=(''); CURRENT=$#words; PREFIX=$words[-1]; _${1/-/_}
        """;

    private const string AsFish = """set PATH $PWD $PATH; source "$argv[1].fish"; complete -C "$argv[2]" """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [ProgramFact("bash")]
    public Task Bash_Completes() => CheckAsync("bash", ["--norc", "-c", AsBash, "bash"]);

    [ProgramFact("zsh")]
    public Task Zsh_Completes() => CheckAsync("zsh", ["-f", "-c", AsZsh, "zsh"]);

    [ProgramFact("fish")]
    public Task Fish_Completes() => CheckAsync("fish", ["--no-config", "-c", AsFish]);

    private async Task CheckAsync(string shell, string[] start)
    {
        foreach (string program in (string[])["tunnel-agent", "tunnel-server"])
        {
            string path = _folder.File(program);
            await File.WriteAllTextAsync(
                path,
                $"#!/bin/sh\nXDG_CONFIG_HOME='{_folder.File("config")}' RUNTIME_DIRECTORY='{_folder.Path}' exec '{Environment.ProcessPath}' '{Path.Combine(AppContext.BaseDirectory, program)}.dll' \"$@\"\n");
            await ProgramRun.RunAsync(_folder.Path, "chmod", "755", path);
            await File.WriteAllTextAsync(_folder.File($"{program}.{shell}"), await ProgramRun.RunAsync(_folder.Path, path, "completion", shell));
        }

        async Task<string[]> WordsAsync(string program, string line) =>
            (await ProgramRun.RunAsync(_folder.Path, shell, [.. start, program, line])).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        (await WordsAsync("tunnel-agent", "tunnel-agent --proto")).Should().Equal("--protocol");
        (await WordsAsync("tunnel-agent", "tunnel-agent --protocol ")).Should().BeEquivalentTo("http", "tcp", "tls");
        (await WordsAsync("tunnel-agent", "tunnel-agent ")).Should().Contain(["http", "start", "config", "status"]).And.NotContain(word => word.StartsWith('-') || word.StartsWith('/'));
        (await WordsAsync("tunnel-agent", "tunnel-agent config ")).Should().BeEquivalentTo("check", "path", "example");
        await File.WriteAllTextAsync(Path.Combine(_folder.Folder(Path.Combine("config", "tunnel-agent")), "tunnel.yaml"), "tunnels: { web: 1, api: 2 }");
        (await WordsAsync("tunnel-agent", "tunnel-agent start ")).Should().BeEquivalentTo("web", "api");
        (await WordsAsync("tunnel-agent", "tunnel-agent completion z")).Should().Equal("zsh");
        (await WordsAsync("tunnel-server", "tunnel-server token ")).Should().Contain(["create", "list", "revoke"]);
    }
}
