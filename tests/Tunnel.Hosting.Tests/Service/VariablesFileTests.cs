using System.Diagnostics;
using Tunnel.Hosting.Service;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Service;

public sealed class VariablesFileTests
{
    public static TheoryData<string> Values => ["plain", "", " two words ", "a\"b", "it's", @"back\slash\", "$HOME ${HOME} `id`", "100%", "#x;y", "ü 東京", "a=b"];

    [Theory]
    [MemberData(nameof(Values))]
    public void Value_WrittenAndRead_IsTheSame(string value) =>
        VariablesFile.Parse(VariablesFile.Write("p", Named(value))).Should().BeEquivalentTo(Named(value));

    // What a shell reads between double quotes is what systemd reads there; the drill asks systemd itself.
    [ProgramTheory("sh")]
    [MemberData(nameof(Values))]
    public async Task Value_ReadByAnother_IsTheSame(string value)
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("p.env"), VariablesFile.Write("p", Named(value)));
        using Process shell = Process.Start(new ProcessStartInfo(InstalledPrograms.Find("sh")!, ["-c", ". \"$0\"; printf %s \"$PASS\"", folder.File("p.env")]) { RedirectStandardOutput = true })!;
        (await shell.StandardOutput.ReadToEndAsync().Within()).Should().Be(value);
    }

    [Fact]
    public void File_OfAPerson_IsReadAsPeopleWriteThem() =>
        VariablesFile.Parse("# a comment\n; another\n\n A=1\nB = two words \nC='it is \"so\"'\nD=\"a\\\"b\\n\"\r\nnothing\nE=\nA=2\n")
            .Should().BeEquivalentTo(new Dictionary<string, string> { ["A"] = "2", ["B"] = "two words", ["C"] = "it is \"so\"", ["D"] = "a\"b\\n", ["E"] = "" });

    [Fact]
    public void File_ThatIsNotThere_HasNone() => VariablesFile.Read("/nowhere/p.env").Should().BeEmpty();

    private static Dictionary<string, string> Named(string value) => new() { ["PASS"] = value };
}
