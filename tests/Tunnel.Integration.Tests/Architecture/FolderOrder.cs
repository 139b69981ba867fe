using System.Text.RegularExpressions;

namespace Tunnel.Integration.Tests.Architecture;

/// <summary>
/// The rooms of one project, as docs/architecture.md, "Rooms", lists them: the upper ones may name the lower ones. What lies
/// beside its folders is the program itself and may name all of them; a folder may name of it only what the page says.
/// </summary>
/// <param name="Project">Also the namespace of all that is in it.</param>
/// <param name="Folders">From the top down.</param>
/// <param name="Beside">Types beside the folders that these may name.</param>
internal sealed partial record FolderOrder(string Project, IReadOnlyList<string> Folders, IReadOnlySet<string> Beside)
{
    /// <summary>All projects of the page.</summary>
    public static IReadOnlyList<FolderOrder> ReadAll()
    {
        string page = File.ReadAllText(Path.Combine(SourceTree.Docs, "architecture.md"));
        var orders = new List<FolderOrder>();
        foreach (Match project in ProjectLines().Matches(page))
        {
            orders.Add(new FolderOrder(
                project.Groups["name"].Value,
                [.. project.Groups["folder"].Captures.Select(capture => capture.Value)],
                project.Groups["beside"].Captures.SelectMany(capture => Word().Matches(capture.Value)).Select(word => word.Value).ToHashSet()));
        }

        return orders;
    }

    /// <summary>The arrows that run up or sideways, as <c>Lower -> Upper</c>, each with those who name and are named.</summary>
    public IEnumerable<(string Arrow, TypeArrow Type)> FindBack(IEnumerable<TypeArrow> arrows)
    {
        foreach (TypeArrow arrow in arrows)
        {
            if (FolderOf(arrow.From.Namespace) is { Length: > 0 } from && FolderOf(arrow.To.Namespace) is { } to && from != to && !MayName(from, to, arrow.To.Name))
            {
                yield return ($"{from} -> {(to.Length == 0 ? "(beside)" : to)}", arrow);
            }
        }
    }

    /// <summary>Empty: beside the folders. Null: not of this project (what a generator made).</summary>
    public string? FolderOf(string name) =>
        name == Project ? "" : name.StartsWith(Project + ".", StringComparison.Ordinal) ? name[(Project.Length + 1)..].Split('.')[0] : null;

    private bool MayName(string from, string to, string name) =>
        to.Length == 0 ? Beside.Contains(name) : IndexOf(from) < IndexOf(to);

    private int IndexOf(string folder) => Folders.Index().First(one => one.Item == folder).Index;

    [GeneratedRegex(@"^ {4}src/(?<name>Tunnel\.\w+)/.*\n(?: {8}(?:(?<folder>\w+)/|beside:(?<beside>.*)).*\n)*", RegexOptions.Multiline)]
    private static partial Regex ProjectLines();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();
}
