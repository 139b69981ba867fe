namespace Tunnel.Hosting.Options;

/// <summary>An option whose values are of one kind and stand at one place of the options.</summary>
internal sealed record DeclaredOption<TOptions, T>(
    string Name, string Help, OptionKind<T> Kind, Func<TOptions, T> Get, Func<TOptions, T, TOptions> Set)
    : OptionDeclaration<TOptions>(Name, Help)
{
    public override OptionShape Shape => Kind.Shape;

    public override string ValueName => Kind.ValueName;

    public override IReadOnlyList<string> Choices => Kind.Choices;

    public override TOptions Apply(TOptions options, GivenValue given, OptionFaults faults)
    {
        if (Kind.Read(given.Texts, out T value) is { } fault)
        {
            faults.Add($"{given.Place}: {(IsSecret ? "its value cannot be used." : fault)}");
            return options;
        }

        if (Kind.FindFault(value) is { } range)
        {
            faults.Add($"{given.Place} takes {range}.");
            return options;
        }

        return Set(options, value);
    }

    public override string? FindFault(TOptions options) => Kind.FindFault(Get(options)) is { } range ? $"{Flag} takes {range}." : null;

    public override string? TextIn(TOptions options) => Kind.Write(Get(options));

    public override OptionDeclaration<TWhole> Within<TWhole>(Func<TWhole, TOptions> get, Func<TWhole, TOptions, TWhole> set) =>
        new DeclaredOption<TWhole, T>(Name, Help, Kind, whole => Get(get(whole)), (whole, value) => set(whole, Set(get(whole), value)))
        {
            Letter = Letter,
            Group = Group,
            IsCommon = IsCommon,
            IsLive = IsLive,
            IsPath = IsPath,
            IsSecret = IsSecret,
            DefaultInWords = DefaultInWords,
            Details = Details,
        };
}
