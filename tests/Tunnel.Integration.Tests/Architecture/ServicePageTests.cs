using System.Text.RegularExpressions;
using Tunnel.Agent.Service;
using Tunnel.Hosting.Service;
using Tunnel.Server;

namespace Tunnel.Integration.Tests.Architecture;

/// <summary>The units of docs/service.md are those that <c>service install</c> writes. With TUNNEL_WRITE_DOCS=1 in the environment this test writes them.</summary>
public sealed partial class ServicePageTests
{
    private static readonly string Page = Path.Combine(SourceTree.Docs, "service.md");

    private static readonly ServiceDescription Server = ServerService.Of("tunnel-server", ["/usr/local/bin/tunnel-server"], ["--domain", "tunnel.com"]);
    private static readonly ServiceDescription Agent = AgentService.Of("tunnel-agent", ["/usr/local/bin/tunnel-agent"], "/etc/tunnel-agent/tunnel.yaml");

    private static readonly Dictionary<string, string> Units = new()
    {
        ["unit of tunnel-server"] = Unit(SystemdUnit.Of(Server, "/etc/tunnel-server/tunnel-server.env", isOfMachine: true)),
        ["unit of tunnel-agent"] = Unit(SystemdUnit.Of(Agent with { TokenFile = "/root/.config/tunnel-agent/token" }, "/etc/tunnel-agent/tunnel-agent.env", isOfMachine: true)),
        ["unit of a user's tunnel-agent"] = Unit(SystemdUnit.Of(
            AgentService.Of("tunnel-agent", ["/usr/local/bin/tunnel-agent"], "/home/anna/.config/tunnel-agent/tunnel.yaml"),
            "/home/anna/.config/tunnel-agent/tunnel-agent.env",
            isOfMachine: false)),
    };

    [Fact]
    public void Units_OfThePage_AreThoseThatAreInstalled()
    {
        string page = File.ReadAllText(Page);
        string made = Marked().Replace(page, match => $"<!-- {match.Groups["name"].Value} -->\n{Units[match.Groups["name"].Value]}<!-- end -->");
        Marked().Count(page).Should().Be(Units.Count);
        if (Environment.GetEnvironmentVariable("TUNNEL_WRITE_DOCS") == "1")
        {
            File.WriteAllText(Page, made);
        }

        made.Should().Be(page, "TUNNEL_WRITE_DOCS=1 writes what service install does");
    }

    // Without the two lines that are about the file itself.
    private static string Unit(string text) =>
        $"\n{string.Concat(text.Split('\n').SkipWhile(line => line != "[Unit]").Select(line => line.Length == 0 ? "\n" : $"    {line}\n")).TrimEnd('\n')}\n\n";

    [GeneratedRegex(@"<!-- (?<name>unit of [a-z' -]+) -->\n(?:.*\n)*?<!-- end -->")]
    private static partial Regex Marked();
}
