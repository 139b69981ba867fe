using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Tunnel.Integration.Tests.Architecture;

/// <summary>The rules of docs/architecture.md, "Rooms", that a compiler does not check.</summary>
public sealed class ArchitectureTests
{
    /// <summary>A file is one idea; nothing is excepted.</summary>
    private const int MostLines = 360;

    // Who may lean on whom. Arrows point down only; server and agent never know each other.
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Tunnel.Framing"] = [],
        ["Tunnel.Http"] = [],
        ["Tunnel.Transport"] = [],
        ["Tunnel.Hosting"] = [],
        ["Tunnel.Server"] = ["Tunnel.Framing", "Tunnel.Hosting", "Tunnel.Http", "Tunnel.Transport"],
        ["Tunnel.Agent"] = ["Tunnel.Framing", "Tunnel.Hosting", "Tunnel.Http", "Tunnel.Transport"],
        ["Tunnel.Quickstart"] = ["Tunnel.Agent", "Tunnel.Server"],
    };

    [Fact]
    public void Projects_LeanOnlyOnWhatIsBelowThem()
    {
        string[] projects = Directory.GetFiles(SourceTree.Source, "*.csproj", SearchOption.AllDirectories);
        projects.Select(Path.GetFileNameWithoutExtension).Should().BeEquivalentTo(Arrows.Keys, "a new project needs its place here");
        foreach (string project in projects)
        {
            string[] references =
            [
                .. XDocument.Load(project).Descendants("ProjectReference")
                    .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'))),
            ];
            references.Should().BeSubsetOf(Arrows[Path.GetFileNameWithoutExtension(project)], project);
        }
    }

    [Fact]
    public void Libraries_NeedNothingButTheBaseClassLibrary()
    {
        foreach (string library in (string[])["Tunnel.Framing", "Tunnel.Http", "Tunnel.Transport"])
        {
            XDocument.Load(Path.Combine(SourceTree.Source, library, library + ".csproj")).Descendants("PackageReference").Should().BeEmpty(library);
        }
    }

    [Fact]
    public void Folders_NameConceptsOfTheProduct() =>
        Directory.GetDirectories(SourceTree.Source, "*", SearchOption.AllDirectories).Select(Path.GetFileName)
            .Should().NotContain(["Common", "Utils", "Utilities", "Helpers", "Shared", "Misc"]);

    [Fact]
    public void Files_HoldOneIdeaEach()
    {
        IEnumerable<string> tooLong = Directory.GetFiles(SourceTree.Source, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(file => (Name: Path.GetRelativePath(SourceTree.Source, file), Lines: File.ReadLines(file).Count()))
            .Where(file => file.Lines > MostLines)
            .Select(file => $"{file.Name}: {file.Lines} lines");
        tooLong.Should().BeEmpty();
    }

    /// <summary>Whoever filters a log by the number of a line gets that line alone.</summary>
    [Theory]
    [InlineData("Tunnel.Server/Diagnostics/ServerLog.cs")]
    [InlineData("Tunnel.Agent/Diagnostics/AgentLog.cs")]
    public void Lines_OfALog_HaveNumbersOfTheirOwn(string file)
    {
        string[] numbers = [.. Regex.Matches(File.ReadAllText(Path.Combine(SourceTree.Source, file)), @"\[LoggerMessage\((\d+),").Select(match => match.Groups[1].Value)];
        numbers.Should().HaveCountGreaterThan(10).And.OnlyHaveUniqueItems();
    }

    /// <summary>A defence whose test is gone is a promise.</summary>
    [Fact]
    public void Tests_NamedByTheSecurityPage_AreThere()
    {
        string page = File.ReadAllText(Path.Combine(SourceTree.Docs, "security.md"));
        MatchCollection named = Regex.Matches(page, @"`(\w+Tests)(?:\.(\w+)…?)?`");
        named.Count.Should().BeGreaterThan(20);
        foreach (Match match in named)
        {
            string[] files = Directory.GetFiles(Path.Combine(SourceTree.Root, "tests"), $"{match.Groups[1].Value}.cs", SearchOption.AllDirectories);
            files.Should().Contain(file => File.ReadAllText(file).Contains($" {match.Groups[2].Value}", StringComparison.Ordinal), match.Value);
        }
    }
}
