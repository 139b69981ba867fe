using System.CommandLine;
using Tunnel.Hosting.Options;

namespace Tunnel.Hosting;

/// <summary>
/// <c>completion bash|zsh|fish|powershell</c>: prints what makes a shell complete the program's command line. The shell asks the
/// program itself each time, so what it offers is what is declared.
/// </summary>
public static class CompletionCommand
{
    // Options are offered to who has begun one; the help of other systems (/?, -?) to nobody.
    private const string Bash = """
        # In ~/.bashrc:  source <(NAME completion bash)
        FUNCTION() {
            local word=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT} found
            line="NAME ${line#* }"
            [[ $word == = ]] && word=
            found=$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null | grep -v -e '^/' -e '^-?$')
            [[ $word == -* ]] || found=$(grep -v '^-' <<<"$found")
            local IFS=$'\n'
            COMPREPLY=($(compgen -W "$found" -- "$word"))
        }
        complete -o default -F FUNCTION NAME
        """;

    private const string Zsh = """
        #compdef NAME
        # In ~/.zshrc, behind compinit:  source <(NAME completion zsh)
        FUNCTION() {
            local line="NAME ${(j: :)words[2,CURRENT-1]}"
            (( CURRENT > 2 )) && line+=" "
            line+="$PREFIX"
            local -a found
            found=(${(f)"$(${words[1]} "[suggest:${#line}]" "$line" 2>/dev/null)"})
            found=(${found:#/*})
            found=(${found:#-\?})
            [[ $PREFIX == -* ]] || found=(${found:#-*})
            if (( $#found )); then compadd -- $found; else _files; fi
        }
        compdef FUNCTION NAME
        """;

    private const string Fish = """
        # NAME completion fish > ~/.config/fish/completions/NAME.fish
        function FUNCTION
            set -l words (commandline -opc)
            set -l program $words[1]
            set -e words[1]
            set -l word (commandline -ct)
            set -l line (string join ' ' -- NAME $words $word)
            test -n "$word"; or set line "$line "
            set -l found ($program "[suggest:"(string length -- $line)"]" $line 2>/dev/null | string match -v -r '^(/|-\?)')
            string match -q -- '-*' $word; or set found (string match -v -- '-*' $found)
            if set -q found[1]
                printf '%s\n' $found
            else
                __fish_complete_path $word
            end
        end
        complete -c NAME -f -a '(FUNCTION)'
        """;

    private const string PowerShell = """
        # In $PROFILE:  NAME completion powershell | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName NAME -ScriptBlock {
            param($word, $ast, $position)
            $line = $ast.ToString().PadRight($position - $ast.Extent.StartOffset)
            $line = 'NAME ' + ($line -replace '^\S+\s*', '')
            & $ast.CommandElements[0].ToString() "[suggest:$($line.Length)]" $line 2>$null |
                Where-Object { $_ -like "$word*" -and $_ -notmatch '^(/|-\?)' -and ($word -like '-*' -or $_ -notlike '-*') } |
                ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
        }
        """;

    private static readonly Dictionary<string, string> Scripts = new() { ["bash"] = Bash, ["zsh"] = Zsh, ["fish"] = Fish, ["powershell"] = PowerShell };

    /// <param name="name">The program's, as people type it.</param>
    public static void AddTo(RootCommand root, string name)
    {
        var shell = new Argument<string>("SHELL") { Description = $"One of {string.Join(", ", Scripts.Keys)}." };
        shell.CompletionSources.Add([.. Scripts.Keys]);
        var command = new Command("completion", "Prints what makes your shell complete the command line.") { shell };
        ProgramRunner.Attach(command, async parsed =>
        {
            string wanted = parsed.GetValue(shell)!;
            string script = Scripts.GetValueOrDefault(wanted)
                ?? throw new ArgumentException($"'{Printable.Of(wanted)}' is none of {string.Join(", ", Scripts.Keys)}.{NearestWord.Hint(wanted, Scripts.Keys)}");
            await StandardLines.OutAsync(script.Replace("FUNCTION", $"_{name.Replace('-', '_')}", StringComparison.Ordinal).Replace("NAME", name, StringComparison.Ordinal));
            return ExitCodes.Stopped;
        });
        root.Subcommands.Add(command);
    }
}
