using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Tunnel.Framing.Frames;
using Tunnel.Hosting.Errors;

namespace Tunnel.Integration.Tests.Architecture;

/// <summary>
/// Every message that says what is wrong has a code, docs/errors.md has every code, and nothing else: the page and the code say the
/// same in the same words.
/// </summary>
public sealed partial class KnownErrorTests
{
    private static readonly (Type Holder, string Heading)[] s_holders =
    [
        (typeof(VisitorErrors), "What visitors see"),
        (typeof(AgentErrors), "What the agent says"),
        (typeof(ServerErrors), "What the server says"),
        (typeof(ProgramErrors), "What both say"),
    ];

    private static readonly Dictionary<string, KnownError> s_known = s_holders.SelectMany(holder => ErrorsOf(holder.Holder)).ToDictionary(error => error.Code);

    [Fact]
    public void Codes_AreStableWordsAndTextsAreSentences()
    {
        s_known.Should().HaveCountGreaterThan(70);
        foreach (KnownError error in s_known.Values)
        {
            error.Code.Should().MatchRegex("^[a-z]+(-[a-z]+)*$");
            error.Meaning.Should().EndWith(".").And.NotContain("\n");
            error.NextStep.Should().EndWith(".").And.NotContain("\n");
        }
    }

    [Fact]
    public void Holders_AreAllThereAre() =>
        typeof(KnownError).Assembly.GetTypes().Where(type => ErrorsOf(type).Any()).Should().BeEquivalentTo(s_holders.Select(holder => holder.Holder));

    [Fact]
    public void Page_HasEveryCodeAndNoOther()
    {
        string page = File.ReadAllText(Path.Combine(SourceTree.Docs, "errors.md"));
        page = page[page.IndexOf($"## {s_holders[0].Heading}\n", StringComparison.Ordinal)..];
        string expected = string.Concat(s_holders.Select(holder => $"## {holder.Heading}\n\n" + string.Concat(ErrorsOf(holder.Holder).Select(Describe))));
        Words(page).Should().Be(Words(expected));
    }

    [Theory]
    [InlineData("Tunnel.Server.Diagnostics.ServerLog, tunnel-server")]
    [InlineData("Tunnel.Agent.Diagnostics.AgentLog, tunnel-agent")]
    public void Lines_OfALogThatWarn_EndWithTheirCode(string log)
    {
        var lines = Type.GetType(log)!.GetMethods(BindingFlags.Static | BindingFlags.Public)
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>()
            .Where(line => line.Level >= LogLevel.Warning).Select(line => line.Message!).ToList();
        lines.Should().HaveCountGreaterThan(10);
        foreach (string line in lines)
        {
            string code = CodeAtEnd().Match(line).Groups[1].Value;
            (code == "{Code}" || s_known.ContainsKey(code)).Should().BeTrue(line);
        }
    }

    [Fact]
    public void Codes_AreAllUsed()
    {
        string source = string.Concat(SourceTree.FilesIn("src")
            .Where(file => file.EndsWith(".cs", StringComparison.Ordinal) && !file.Contains(Path.Combine("Tunnel.Hosting", "Errors"), StringComparison.Ordinal))
            .Select(file => File.ReadAllText(Path.Combine(SourceTree.Root, file))));
        foreach ((Type holder, _) in s_holders)
        {
            foreach (PropertyInfo property in PropertiesOf(holder))
            {
                string code = ((KnownError)property.GetValue(null)!).Code;
                (source.Contains($"{holder.Name}.{property.Name}", StringComparison.Ordinal) || source.Contains($"[{code}]", StringComparison.Ordinal)
                    || source.Contains($"\"{code}\"", StringComparison.Ordinal)).Should().BeTrue(code);
            }
        }
    }

    /// <summary>What a peer sends as a code stands in lines as it came.</summary>
    [Fact]
    public void Codes_OfTheProtocolThatPeopleMeet_AreKnown()
    {
        IEnumerable<string> rejects = typeof(RejectCodes).GetFields().Select(field => (string)field.GetRawConstantValue()!);
        IEnumerable<string> closes = Enum.GetValues<CloseCode>().Select(code => code.ErrorCode());
        IEnumerable<string> origin = Enum.GetValues<ResetCode>().Select(code => code.Name()).Where(name => name.StartsWith("origin-", StringComparison.Ordinal));
        string[] all = [.. rejects, .. closes, .. origin];
        all.Should().HaveCountGreaterThan(30).And.BeSubsetOf(s_known.Keys);
    }

    private static IEnumerable<PropertyInfo> PropertiesOf(Type holder) =>
        holder.GetProperties(BindingFlags.Static | BindingFlags.Public).Where(property => property.PropertyType == typeof(KnownError));

    private static IEnumerable<KnownError> ErrorsOf(Type holder) => PropertiesOf(holder).Select(property => (KnownError)property.GetValue(null)!);

    private static string Describe(KnownError error) => string.Create(
        CultureInfo.InvariantCulture,
        $"### {error.Code}\n\n*{error.Party}.* {error.Meaning}{(error.Exit is { } exit ? $" Exit code {exit}." : "")}\n\n*Next:* {error.NextStep}\n\n");

    // Where a line ends is for whoever writes the page.
    private static string Words(string text) => string.Join('\n', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    [GeneratedRegex(@" \[([^\]]+)\]$")]
    private static partial Regex CodeAtEnd();
}
