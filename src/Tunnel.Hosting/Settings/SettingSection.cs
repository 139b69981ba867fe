using Tunnel.Hosting.Options;

namespace Tunnel.Hosting.Settings;

/// <summary>Turns the entries of a file into values for declared options.</summary>
public static class SettingSection
{
    /// <summary>Applies what a file says to the options; every fault is told with its place and key.</summary>
    /// <param name="others">Keys that are no options; the caller reads them.</param>
    public static TOptions Apply<TOptions>(
        SettingMap section, IReadOnlyList<OptionDeclaration<TOptions>> declarations, TOptions options, OptionFaults faults, params IReadOnlyList<string> others)
    {
        foreach ((OptionDeclaration<TOptions> declaration, GivenValue given) in Values(section, declarations, faults, others))
        {
            options = declaration.Apply(options, given, faults);
        }

        return options;
    }

    /// <summary>The values of a file by the name of their option.</summary>
    /// <param name="others">Keys that are no options; the caller reads them.</param>
    public static IReadOnlyDictionary<string, GivenValue> ValuesByName<TOptions>(
        SettingMap section, IReadOnlyList<OptionDeclaration<TOptions>> declarations, OptionFaults faults, params IReadOnlyList<string> others) =>
        Values(section, declarations, faults, others).ToDictionary(value => value.Declaration.Name, value => value.Given);

    /// <summary>The names of what is said otherwise than before.</summary>
    public static IEnumerable<string> Changed(IReadOnlyDictionary<string, GivenValue> before, IReadOnlyDictionary<string, GivenValue> now) =>
        now.Keys.Union(before.Keys).Where(name => !(
            now.TryGetValue(name, out GivenValue said) && before.TryGetValue(name, out GivenValue was) && said.Texts.SequenceEqual(was.Texts)));

    private static IEnumerable<(OptionDeclaration<TOptions> Declaration, GivenValue Given)> Values<TOptions>(
        SettingMap section, IReadOnlyList<OptionDeclaration<TOptions>> declarations, OptionFaults faults, IReadOnlyList<string> others)
    {
        foreach (SettingEntry entry in section.Entries.Where(entry => !others.Contains(entry.Key)))
        {
            OptionDeclaration<TOptions>? declaration = declarations.FirstOrDefault(declaration => declaration.Name == entry.Key);
            if (declaration is null)
            {
                faults.Add($"{entry.Place}: '{Printable.Of(entry.Key)}' is not known here.{NearestWord.Hint(entry.Key, declarations.Select(known => known.Name).Concat(others))}");
            }
            else if (Read(entry, declaration, section.Folder, faults) is { } given)
            {
                yield return (declaration, given);
            }
        }
    }

    private static GivenValue? Read(SettingEntry entry, OptionDeclaration declaration, string folder, OptionFaults faults)
    {
        string place = $"{entry.Place}: {entry.Key}";
        string Of(string text) => declaration.IsPath ? Path.Combine(folder, text) : text;
        if (entry.Value is SettingText { Text: { Length: > 0 } text })
        {
            return new GivenValue([Of(text)], place);
        }

        bool isSeries = declaration.ValueName.EndsWith(",...", StringComparison.Ordinal);
        if ((isSeries || declaration.Shape == OptionShape.Repeated) && entry.Value is SettingList list && list.Items.All(item => item is SettingText))
        {
            IEnumerable<string> texts = list.Items.Cast<SettingText>().Select(item => Of(item.Text));
            return new GivenValue(isSeries ? [string.Join(',', texts)] : [.. texts], place);
        }

        string wants = isSeries || declaration.Shape == OptionShape.Repeated ? "a value, or a list of values" : "one value";
        string form = declaration.ValueName.Length > 0 ? $" ({declaration.ValueName})" : " (true or false)";
        faults.Add($"{place} takes {wants}{form}, and here is {entry.Value.Kind}.");
        return null;
    }
}
