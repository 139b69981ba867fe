using System.Text.RegularExpressions;

namespace Tunnel.Integration.Tests.Architecture;

/// <summary>
/// A comment that points to a page of docs/ points to something that is there, and so do the links between pages. Read are
/// all files of src, tests and docs that hold words; what a line break has parted is put together again.
/// </summary>
public sealed partial class PointerTests
{
    private static readonly string[] Kinds = [".cs", ".csproj", ".md", ".py", ".sh", ".c", ".js", ".mjs", ".editorconfig", ""];

    private static readonly Lazy<IReadOnlyDictionary<string, Page>> s_pages = new(() =>
        SourceTree.FilesIn("docs").Append("README.md").Where(file => file.EndsWith(".md", StringComparison.Ordinal))
            .ToDictionary(file => Path.GetFileName(file), Page.Read));

    [Fact]
    public void Pointers_ToPages_LeadToHeadings()
    {
        var pointers = Texts().SelectMany(text => PointersOf(text.File, text.Text)).ToList();
        pointers.Count(pointer => pointer.Heading is not null).Should().BeGreaterThan(40);
        pointers.Count(pointer => pointer.Sections.Length > 0).Should().BeGreaterThan(40);
        pointers.Select(Judge).Where(fault => fault is not null).Should().BeEmpty();
    }

    [Fact]
    public void Links_BetweenPages_LeadToHeadings()
    {
        int count = 0;
        var faults = new List<string>();
        foreach (Page page in s_pages.Value.Values)
        {
            foreach (Match link in Link().Matches(page.Text))
            {
                count++;
                string target = link.Groups["file"].Value;
                string file = target.Length == 0 ? page.File : Path.Combine(Path.GetDirectoryName(page.File)!, target);
                if (!Path.Exists(Path.Combine(SourceTree.Root, file)))
                {
                    faults.Add($"{page.File}: {link.Value} leads to no file");
                }
                else if (link.Groups["anchor"].Value is { Length: > 0 } anchor && !s_pages.Value[Path.GetFileName(file)].Anchors.Contains(anchor))
                {
                    faults.Add($"{page.File}: {link.Value} leads to no heading");
                }
            }
        }

        count.Should().BeGreaterThan(30);
        faults.Should().BeEmpty();
    }

    /// <summary>Whoever has the repository alone can follow every pointer.</summary>
    [Fact]
    public void Pointers_ToPagesOutsideOfTheRepository_AreNotThere() =>
        Texts().Where(text => Outside().IsMatch(text.Text)).Select(text => text.File).Should().BeEmpty();

    [Theory]
    [InlineData("/// Counts (docs/protocol.md, section 14).", "section 14")]
    [InlineData("/// Counts (docs/protocol.md, sections 3 and 99).", "section 99")]
    [InlineData("// See docs/protocol.md,\n    // section 99", "section 99")]
    [InlineData("/// (docs/operating.md, \"No such\n    /// heading\")", "No such heading")]
    [InlineData("/// (docs/protocol.md, section 3, \"Keeping\")", "Keeping")]
    [InlineData("# docs/nowhere.md says more", "nowhere.md")]
    [InlineData("([protocol.md](protocol.md), section 40)", "section 40")]
    public void Pointer_ThatLeadsNowhere_IsFound(string comment, string named) =>
        PointersOf("x.cs", Joined(comment)).Select(Judge).Should().ContainSingle().Which.Should().Contain(named);

    [Theory]
    [InlineData("/// (docs/protocol.md, section 7, \"Keeping\")")]
    [InlineData("/// <c>docs/http.md</c> has the table, docs/operating.md, \"When an\n/// agent is lost\"")]
    [InlineData("(docs/protocol.md, sections 2, 9 and 10)")]
    public void Pointer_ThatLeadsSomewhere_IsLeftAlone(string comment) =>
        PointersOf("x.cs", Joined(comment)).Select(Judge).Should().NotBeEmpty().And.OnlyContain(fault => fault == null);

    private static IEnumerable<(string File, string Text)> Texts() =>
        SourceTree.FilesIn("src").Concat(SourceTree.FilesIn("tests")).Concat(SourceTree.FilesIn("docs"))
            .Concat(["README.md", ".editorconfig"])
            .Where(file => Kinds.Contains(Path.GetExtension(file)) && Path.GetFileName(file) != "PointerTests.cs")
            .Select(file => (file, Joined(File.ReadAllText(Path.Combine(SourceTree.Root, file)))));

    // One line: with neither the marks of comments nor those of links and code around words.
    private static string Joined(string text) => Marks().Replace(Link().Replace(Break().Replace(text, " "), "${text}"), "");

    private static IEnumerable<Pointer> PointersOf(string file, string text) =>
        PointerText().Matches(text).Select(match => new Pointer(
            file,
            match.Groups["page"].Value,
            [.. Number().Matches(match.Groups["sections"].Value).Select(number => number.Value)],
            match.Groups["heading"].Success ? match.Groups["heading"].Value : null));

    private static string? Judge(Pointer pointer)
    {
        if (!s_pages.Value.TryGetValue(pointer.Page, out Page? page))
        {
            return $"{pointer.File}: there is no page {pointer.Page}";
        }

        if (Array.Find(pointer.Sections, number => !page.Sections.ContainsKey(number)) is { } missing)
        {
            return $"{pointer.File}: {pointer.Page} has no section {missing}";
        }

        return pointer.Heading is not { } heading
            || (pointer.Sections is [var only] ? page.Sections[only] : page.Headings).Contains(heading)
            ? null
            : $"{pointer.File}: {pointer.Page} has no \"{heading}\"{(pointer.Sections.Length > 0 ? " there" : "")}";
    }

    [GeneratedRegex(@"(?<![\w/-])(?:docs/(?:decisions/)?)?(?<page>[\w-]+\.md)(?:,? sections? (?<sections>\d+(?:(?:, | and | to )\d+)*))?(?:,? ""(?<heading>[^""]+)"")?")]
    private static partial Regex PointerText();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();

    [GeneratedRegex(@"\r?\n[ \t]*(?:///?|#+)?[ \t]*")]
    private static partial Regex Break();

    [GeneratedRegex(@"</?c>|`|\\(?="")")]
    private static partial Regex Marks();

    [GeneratedRegex(@"\[(?<text>[^\]\[]*)\]\((?!https?:)(?<file>[^)#\s]*)(?:#(?<anchor>[^)\s]*))?\)")]
    private static partial Regex Link();

    // Written so that it does not name itself.
    [GeneratedRegex(@"\bDESIG[N]\b")]
    private static partial Regex Outside();

    private sealed record Pointer(string File, string Page, string[] Sections, string? Heading);

    /// <summary>What of a page can be pointed to: its headings, and the words in bold that begin a paragraph.</summary>
    private sealed partial record Page(
        string File, string Text, HashSet<string> Headings, HashSet<string> Anchors, Dictionary<string, HashSet<string>> Sections)
    {
        public static Page Read(string file)
        {
            string text = Fence().Replace(System.IO.File.ReadAllText(Path.Combine(SourceTree.Root, file)), "");
            var page = new Page(file, text, [], [], []);
            HashSet<string>? section = null;
            foreach (Match match in Target().Matches(text))
            {
                string name = match.Groups["name"].Value.TrimEnd('.');
                page.Headings.Add(name);
                section?.Add(name);
                if (!match.Groups["level"].Success)
                {
                    continue;
                }

                page.Anchors.Add(NotInAnchors().Replace(name.ToLowerInvariant(), "").Replace(' ', '-'));
                if (Numbered().Match(name) is { Success: true } numbered)
                {
                    section = page.Sections[numbered.Groups["number"].Value] = [numbered.Groups["title"].Value];
                    page.Headings.Add(numbered.Groups["title"].Value);
                }
            }

            return page;
        }

        [GeneratedRegex(@"^(?:(?<level>#+) (?<name>.+?)|\*\*(?<name>[^*]+)\*\*.*)\r?$", RegexOptions.Multiline)]
        private static partial Regex Target();

        [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
        private static partial Regex Fence();

        [GeneratedRegex(@"^(?<number>\d+)\. (?<title>.+)$")]
        private static partial Regex Numbered();

        [GeneratedRegex(@"[^\w\- ]")]
        private static partial Regex NotInAnchors();
    }
}
