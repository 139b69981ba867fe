using System.Text.RegularExpressions;
using System.Xml.Linq;
using Tunnel.Integration.Tests.Architecture.Sample.Lower;

namespace Tunnel.Integration.Tests.Architecture;

/// <summary>The folders of a project name each other in one direction only: docs/architecture.md, "Rooms", says in which.</summary>
public sealed class FolderArrowTests
{
    /// <summary>
    /// What runs back still, with the number of pairs of types. A smaller number is written here at once; a greater one is a fault,
    /// and so is another arrow.
    /// </summary>
    private static readonly Dictionary<string, Dictionary<string, int>> Known = [];

    public static TheoryData<string> Projects() => [.. FolderOrder.ReadAll().Select(order => order.Project)];

    [Fact]
    public void Folders_OfEachProject_AreListed()
    {
        IReadOnlyList<FolderOrder> orders = FolderOrder.ReadAll();
        orders.Select(order => order.Project).Should().BeEquivalentTo(Directory.GetDirectories(SourceTree.Source).Select(Path.GetFileName));
        foreach (FolderOrder order in orders)
        {
            order.Folders.Should().BeEquivalentTo(
                Directory.GetDirectories(Path.Combine(SourceTree.Source, order.Project)).Select(Path.GetFileName).Except(["bin", "obj"]), order.Project);
        }
    }

    [Fact]
    public void Namespaces_AreFolders()
    {
        var faults = new List<string>();
        foreach (string file in SourceTree.FilesIn("src").Where(file => file.EndsWith(".cs", StringComparison.Ordinal)))
        {
            Match match = Regex.Match(File.ReadAllText(Path.Combine(SourceTree.Root, file)), @"^namespace (.+);\r?$", RegexOptions.Multiline);
            string folder = Path.GetDirectoryName(Path.GetRelativePath("src", file))!.Replace(Path.DirectorySeparatorChar, '.');
            if (match.Success && match.Groups[1].Value != folder)
            {
                faults.Add($"{file}: {match.Groups[1].Value}");
            }
        }

        faults.Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Arrows_BetweenFolders_RunDown(string project)
    {
        FolderOrder order = FolderOrder.ReadAll().Single(one => one.Project == project);
        IReadOnlyCollection<TypeArrow> arrows = TypeArrows.Read(AssemblyOf(project));
        var back = order.FindBack(arrows).ToLookup(one => one.Arrow, one => one.Type);
        Dictionary<string, int> known = Known.GetValueOrDefault(project) ?? [];
        string[] faults =
        [
            .. back.Where(arrow => arrow.Count() > known.GetValueOrDefault(arrow.Key))
                .Select(arrow => $"{arrow.Key}, {arrow.Count()}: {string.Join("; ", arrow.Select(type => Describe(project, type)).Order())}"),
            .. known.Where(arrow => back[arrow.Key].Count() < arrow.Value)
                .Select(arrow => $"{arrow.Key} has become less: write {back[arrow.Key].Count()} in the list of those that are known"),
            .. order.Beside.Except(arrows.Where(arrow => arrow.From.Namespace != project).Select(arrow => arrow.To.Name))
                .Select(type => $"{type} is named by no folder: the page need not list it"),
        ];
        faults.Should().BeEmpty();
    }

    [Theory]
    [InlineData("HasBase")]
    [InlineData("HasInterface")]
    [InlineData("HasField")]
    [InlineData("HasParameter")]
    [InlineData("HasTypeArgument")]
    [InlineData("HasAttribute")]
    [InlineData("HasConstraint")]
    [InlineData("Calls")]
    [InlineData("CallsInLambda")]
    [InlineData("CallsAsync")]
    [InlineData("CallsGeneric")]
    [InlineData("Catches")]
    public void Arrow_OfEveryKind_IsDrawn(string from)
    {
        IEnumerable<string> drawn = Samples().FindBack(TypeArrows.Read(typeof(HasBase).Assembly.Location)).Select(one => $"{one.Arrow} {one.Type.From.Name}");
        drawn.Should().Contain($"Lower -> Upper {from}");
    }

    [Fact]
    public void Arrow_ThatRunsDown_IsLeftAlone() =>
        Samples().FindBack(TypeArrows.Read(typeof(HasBase).Assembly.Location)).Select(one => one.Arrow).Distinct().Should().Equal("Lower -> Upper");

    private static FolderOrder Samples() => new("Tunnel.Integration.Tests.Architecture.Sample", ["Upper", "Lower"], new HashSet<string>());

    private static string AssemblyOf(string project)
    {
        string? name = XDocument.Load(Path.Combine(SourceTree.Source, project, project + ".csproj")).Descendants("AssemblyName").FirstOrDefault()?.Value;
        return Path.Combine(AppContext.BaseDirectory, $"{name ?? project}.dll");
    }

    // With the file, which need not be named after the type.
    private static string Describe(string project, TypeArrow type)
    {
        var declared = new Regex($@"\b(class|record|struct|interface|enum|delegate .*) {Regex.Escape(type.From.Name)}\b");
        string? file = SourceTree.FilesIn(Path.Combine("src", project))
            .FirstOrDefault(file => file.EndsWith(".cs", StringComparison.Ordinal) && declared.IsMatch(File.ReadAllText(Path.Combine(SourceTree.Root, file))));
        return $"{file ?? type.From.Namespace}: {type.From.Name} names {type.To.Name}";
    }
}
