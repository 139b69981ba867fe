using Tunnel.Agent.Console;

namespace Tunnel.Agent.Tests.Console;

/// <summary>Rows of cells as lines that fit the terminal.</summary>
public sealed class TextLayoutTests
{
    [Theory]
    [InlineData(30, "one     two  three four", "one     two  three four")]
    [InlineData(18, "one     two  three four", "one     two  three", "             four")]
    [InlineData(15, "one     two  three four", "one     two  th", "             re", "             e", "             fo", "             ur")]
    [InlineData(13, "one     two  three four", "one     two")]
    [InlineData(9, "one     two  three four", "one     t")]
    public void Add_ACellThatTakesWhatIsLeft_GoesOnBelowItself(int width, string what, params string[] lines)
    {
        var layout = new TextLayout(width, TextStyles.None);
        string[] words = what.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries);
        layout.Add(new TextCell(words[0], 6), new TextCell(words[1], 3), new TextCell(words[2].Trim()));
        layout.Lines.Should().Equal(lines);
    }

    [Fact]
    public void Add_CellsOnTheRight_EndWhereTheirColumnsDo()
    {
        var layout = new TextLayout(20, TextStyles.None);
        layout.Add(new TextCell("12", 5, IsRight: true), new TextCell("1234567", 5, IsRight: true), new TextCell("9", 6, IsRight: true));
        layout.Lines.Should().Equal("   12  123..       9");
    }

    [Fact]
    public void AddText_WithLongWordsAndNothing_IsWithinTheWidth()
    {
        var layout = new TextLayout(6, TextStyles.None);
        layout.AddText("abcdefghij kl", default, indent: 2);
        layout.AddText("", default);
        layout.Lines.Should().Equal("  abcd", "  efgh", "  ij", "  kl", "");
    }

    [Theory]
    [InlineData("None", "good strong label plain")]
    [InlineData("Bold", "good \e[1mstrong\e[0m label plain")]
    [InlineData("Colors", "\e[32mgood\e[0m \e[1;31mstrong\e[0m \e[90mlabel\e[0m plain")]
    public void Add_Looks_AreSequencesOfTheirCell(string styles, string line)
    {
        var layout = new TextLayout(80, Enum.Parse<TextStyles>(styles));
        layout.Add(
            new TextCell("good", 4, new Look(Mood.Good)), new TextCell("strong", 6, new Look(Mood.Bad, IsStrong: true)), new TextCell("label", 5, Look.Label), new TextCell("plain"));
        layout.Lines.Should().Equal(line.Replace(" ", "  ", StringComparison.Ordinal));
    }
}
