using System.CommandLine;
using Tunnel.Hosting.Options;

namespace Tunnel.Hosting.Tests.Options;

public sealed class OptionBinderTests : IDisposable
{
    private const string Prefix = "TUNNEL_BINDER_TESTS_";
    private static readonly Dictionary<string, GivenValue> File = new()
    {
        ["time"] = new(["3"], "x.yaml:1:1: time"),
        ["many"] = new(["f1", "f2"], "x.yaml:2:1: many"),
        ["on"] = new(["true"], "x.yaml:3:1: on"),
    };

    public void Dispose() => Environment.SetEnvironmentVariable($"{Prefix}TIME", null);

    [Theory]
    [InlineData("--time 1", "2", true, 1)]
    [InlineData("", "2", true, 2)]
    [InlineData("", "", true, 3)]
    [InlineData("", null, true, 3)]
    [InlineData("", null, false, 30)]
    public void Value_IsTheFirstOfCommandLineEnvironmentFileDefault(string line, string? variable, bool hasFile, int seconds)
    {
        Environment.SetEnvironmentVariable($"{Prefix}TIME", variable);
        Bind(line, hasFile ? File : null).Options.Time.Should().Be(TimeSpan.FromSeconds(seconds));
    }

    [Fact]
    public void Values_OfAList_ComeFromOnePlace()
    {
        Bind("--many a --many b", File).Options.Many.Should().Equal("a", "b");
        Bind("", File).Options.Many.Should().Equal("f1", "f2");
    }

    [Theory]
    [InlineData("--on", true)]
    [InlineData("--on=false", false)]
    [InlineData("", true)]
    public void Switch_CanBeTurnedOffAgain(string line, bool isOn) => Bind(line, File).Options.IsOn.Should().Be(isOn);

    [Fact]
    public void Switch_DoesNotTakeTheNextWord() => Bind("--on --time 1", null).Options.Should().Match<Sample>(sample => sample.IsOn && sample.Time == TimeSpan.FromSeconds(1));

    [Theory]
    [InlineData("--time 0", "--time takes a number of seconds, above 0 and up to a day.")]
    [InlineData("--time x", "--time: 'x' is not a number of seconds.")]
    [InlineData("--time 1e3", "--time: '1e3' is not a number of seconds.")]
    [InlineData("--secret \u001b", "--secret: its value cannot be used.")]
    public void Fault_NamesThePlaceAndWhatIsTaken(string line, string fault) => Bind(line, null).Faults.Should().Equal(fault);

    [Fact]
    public void Faults_OfAFile_NameThePlaceInIt() =>
        Bind("", new() { ["time"] = new(["x"], "x.yaml:7:3: time") }).Faults.Should().Equal("x.yaml:7:3: time: 'x' is not a number of seconds.");

    [Theory]
    [InlineData("", null, "")]
    [InlineData("--many b --many a --on", null, "--many b --many a --on")]
    [InlineData("--on=false", "5", "--time 5 --on=false")]
    [InlineData("--time 1 --secret 7", "5", "--time 1")]
    [InlineData("--path a/b", null, "--path {here}a/b")]
    [InlineData("--path -", null, "--path -")]
    public void Words_OfACommandLine_SayTheSameFromAnywhere(string line, string? variable, string words)
    {
        Environment.SetEnvironmentVariable($"{Prefix}TIME", variable);
        var command = new RootCommand();
        var binder = new OptionBinder<Sample>(command, Prefix, Sample.Declarations);
        string here = Environment.CurrentDirectory.TrimEnd('/') + "/";
        string.Join(' ', binder.WordsOf(command.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))).Should().Be(words.Replace("{here}", here, StringComparison.Ordinal));
    }

    private static (Sample Options, IReadOnlyList<string> Faults) Bind(string line, Dictionary<string, GivenValue>? file)
    {
        var command = new RootCommand();
        var binder = new OptionBinder<Sample>(command, Prefix, Sample.Declarations);
        var faults = new OptionFaults();
        return (binder.Bind(command.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)), new Sample(), faults, file), faults.All);
    }

    private sealed record Sample
    {
        public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(30);

        public IReadOnlyList<string> Many { get; init; } = [];

        public bool IsOn { get; init; }

        public int? Secret { get; init; }

        public string? Path { get; init; }

        public static IReadOnlyList<OptionDeclaration<Sample>> Declarations { get; } =
        [
            Declare<Sample>.Seconds("time", "A time.", o => o.Time, (o, v) => o with { Time = v }),
            Declare<Sample>.Texts("many", "WORD", "Words.", o => o.Many, (o, v) => o with { Many = v }),
            Declare<Sample>.Switch("on", "On.", o => o.IsOn, (o, v) => o with { IsOn = v }),
            Declare<Sample>.Path("path", "FILE", "A file.", o => o.Path, (o, v) => o with { Path = v }),
            Declare<Sample>.Number("secret", "A secret number.", o => o.Secret, (o, v) => o with { Secret = v }) with { IsSecret = true },
        ];
    }
}
