using System.Globalization;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Settings;

namespace Tunnel.Hosting.Tests.Settings;

public sealed class SettingFileTests
{
    [Theory]
    [InlineData("a: 1\nb: two\n")]
    [InlineData("a: 1\r\nb: two\r\n")]
    [InlineData("{ a: 1, b: 'two' }")]
    [InlineData("# a comment\n\na: 1 # another\nb: \"two\"")]
    public void Text_OfAnyForm_IsNamesWithValues(string text)
    {
        (SettingMap? map, IReadOnlyList<string> faults) = Parse(text);
        faults.Should().BeEmpty();
        map!.Entries.Select(entry => (entry.Key, ((SettingText)entry.Value).Text)).Should().Equal(("a", "1"), ("b", "two"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing but words\n")]
    [InlineData("\r\n")]
    public void Text_OfNothing_IsAnEmptyFile(string text)
    {
        (SettingMap? map, IReadOnlyList<string> faults) = Parse(text);
        faults.Should().BeEmpty();
        map!.Entries.Should().BeEmpty();
    }

    [Fact]
    public void Place_IsLineAndColumnOfTheKey()
    {
        SettingMap map = Parse("a: 1\nb:\n  c: { d: 2 }\n").Map!;
        var inner = (SettingMap)((SettingMap)map.Find("b")!.Value).Find("c")!.Value;
        inner.Find("d")!.Place.Should().Be("x.yaml:3:8");
    }

    [Theory]
    [InlineData("a:\n\tb: 1\n", "x.yaml:2:1: a tab")]
    [InlineData("a: 1\na: 2", "x.yaml:2:1: 'a' stands here for the second time; the first one is at x.yaml:1:1.")]
    [InlineData("a: [1, 2", "x.yaml:")]
    [InlineData("a: 'open", "x.yaml:")]
    [InlineData("- a\n- b", "x.yaml:1:1: there should be names with values here")]
    [InlineData("just words", "x.yaml:1:1: there should be names with values here")]
    [InlineData("a: &x 1", "x.yaml:1:4: anchors (&)")]
    [InlineData("a: !!binary x", "x.yaml:1:4: anchors (&)")]
    [InlineData("? [a, b]\n: 1", "x.yaml:1:3: a name is missing here.")]
    [InlineData("a: 1\n---\nb: 2", "x.yaml:2:1: a second document")]
    [InlineData("a: ${NOT_THERE}", "x.yaml:1:4: the environment variable NOT_THERE is not set.")]
    [InlineData("a: ${OPEN", "x.yaml:1:4: '${' has no end here")]
    public void Text_ThatIsWrong_IsToldWithItsPlace(string text, string fault) => Parse(text).Faults.Should().Contain(said => said.StartsWith(fault, StringComparison.Ordinal));

    [Theory]
    [InlineData("${HERE}", "value")]
    [InlineData("anna:${HERE}!", "anna:value!")]
    [InlineData("${HERE}${HERE}", "valuevalue")]
    [InlineData("${NOT_THERE:-other}", "other")]
    [InlineData("${NOT_THERE:-}", "")]
    [InlineData("$${HERE}", "${HERE}")]
    [InlineData("$2y$10$abc", "$2y$10$abc")]
    public void Variable_IsPutIn(string text, string value)
    {
        (SettingMap? map, IReadOnlyList<string> faults) = Parse($"a: \"{text}\"");
        faults.Should().BeEmpty();
        ((SettingText)map!.Find("a")!.Value).Text.Should().Be(value);
    }

    [Fact]
    public void Nesting_WithoutEnd_IsAFault()
    {
        Parse(string.Concat(Enumerable.Repeat("[", 100_000))).Faults.Should().ContainSingle();
        Parse(string.Concat(Enumerable.Range(0, 40).Select(depth => $"{new string(' ', depth)}a:\n"))).Faults.Should().ContainSingle().Which.Should().Contain("nested deeper");
    }

    /// <summary>Whatever stands in the file: it is read, or there is a fault with its place, and nothing else happens.</summary>
    [Fact]
    public void Text_Whatever_NeverThrows()
    {
        const string Alphabet = "ab: \n\t-[]{},'\"#&*!|>%@?$\\\r\u0000\u0085\u2028é";
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            string text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => Alphabet[random.Next(Alphabet.Length)]));
            (SettingMap? map, IReadOnlyList<string> faults) = Parse(text);
            (map is not null || faults.Count > 0).Should().BeTrue(seed.ToString(CultureInfo.InvariantCulture));
            faults.All(fault => fault.StartsWith("x.yaml:", StringComparison.Ordinal)).Should().BeTrue(string.Join('\n', faults));
        }
    }

    private static (SettingMap? Map, IReadOnlyList<string> Faults) Parse(string text)
    {
        var faults = new OptionFaults();
        SettingMap? map = SettingFile.Parse(text, "x.yaml", name => name == "HERE" ? "value" : null, faults);
        return (map, faults.All);
    }
}
