using System.Text;
using System.Text.RegularExpressions;
using Tunnel.Agent;
using Tunnel.Hosting.Options;
using Tunnel.Server;

namespace Tunnel.Integration.Tests.Architecture;

/// <summary>
/// The tables of docs/operating.md are made from the declarations of the options. With TUNNEL_WRITE_DOCS=1 in the environment
/// this test writes them.
/// </summary>
public sealed partial class OptionTableTests
{
    private static readonly string Page = Path.Combine(SourceTree.Docs, "operating.md");

    private static readonly Dictionary<string, string> Tables = new()
    {
        ["options of tunnel-server"] = Table("TUNNEL_SERVER_", ServerDeclarations.All.Where(declaration => !IsLimit(declaration)), DefaultOfServer),
        ["limits of tunnel-server"] = Table("TUNNEL_SERVER_", ServerDeclarations.All.Where(IsLimit), DefaultOfServer),
        ["options of tunnel-agent"] = Table("TUNNEL_AGENT_", AgentCommand.Declarations, AgentCommand.DefaultOf),
    };

    [Fact]
    public void Tables_OfThePage_AreTheDeclarations()
    {
        string page = File.ReadAllText(Page);
        string made = Marked().Replace(page, match => $"<!-- {match.Groups["name"].Value} -->\n{Tables[match.Groups["name"].Value]}<!-- end -->");
        Marked().Count(page).Should().Be(Tables.Count);
        if (Environment.GetEnvironmentVariable("TUNNEL_WRITE_DOCS") == "1")
        {
            File.WriteAllText(Page, made);
        }

        made.Should().Be(page, "TUNNEL_WRITE_DOCS=1 writes what the declarations say");
    }

    private static bool IsLimit(OptionDeclaration declaration) => declaration.Group.StartsWith(ServerDeclarations.Limits, StringComparison.Ordinal);

    private static string? DefaultOfServer(OptionDeclaration declaration) => ((OptionDeclaration<ServerOptions>)declaration).TextIn(new ServerOptions());

    private static string Table(string prefix, IEnumerable<OptionDeclaration> declarations, Func<OptionDeclaration, string?> defaultOf)
    {
        var table = new StringBuilder();
        foreach (IGrouping<string, OptionDeclaration> group in declarations.GroupBy(declaration => declaration.Group))
        {
            table.Append(group.Key.Length > 0 ? $"\n**{group.Key}**\n\n" : "\n").Append("| option | environment | default | |\n|---|---|---|---|\n");
            foreach (OptionDeclaration declaration in group)
            {
                string letter = declaration.Letter is { } character ? $"`-{character}`, " : "";
                string name = $"{declaration.Flag} {declaration.ValueName}".Trim();
                string fallback = declaration.DefaultInWords ?? defaultOf(declaration) ?? "";
                string says = $"{Escape(declaration.Help)}{(declaration.Shape == OptionShape.Repeated ? " May be given several times." : "")}{(declaration.Details is { } details ? $" {details}" : "")}";
                table.Append($"| {letter}`{name.Replace("|", "\\|", StringComparison.Ordinal)}` | `{declaration.VariableOf(prefix)}` | {Escape(fallback)} | {says} |\n");
            }
        }

        return table.Append('\n').ToString();
    }

    private static string Escape(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "\\<", StringComparison.Ordinal).Replace("*", "\\*", StringComparison.Ordinal);

    [GeneratedRegex(@"<!-- (?<name>(options|limits) of [a-z-]+) -->\n(?:.*\n)*?<!-- end -->")]
    private static partial Regex Marked();
}
