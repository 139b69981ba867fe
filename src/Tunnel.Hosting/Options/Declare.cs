using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tunnel.Hosting.Options;

/// <summary>The kinds of options there are, as declarations for <typeparamref name="TOptions"/>.</summary>
[SuppressMessage("Design", "CA1000", Justification = "What the options are is said once; all else is inferred.")]
public static class Declare<TOptions>
{
    private const double MostSeconds = 1e9;

    public static OptionDeclaration<TOptions> Text(
        string name, string valueName, string help, Func<TOptions, string?> get, Func<TOptions, string, TOptions> set) =>
        Of(name, valueName, help, ReadText, static value => value, get, (options, value) => set(options, value!));

    /// <summary>A file or folder, which need not be there yet.</summary>
    public static OptionDeclaration<TOptions> Path(
        string name, string valueName, string help, Func<TOptions, string?> get, Func<TOptions, string, TOptions> set) =>
        Text(name, valueName, help, get, set) with { IsPath = true };

    public static OptionDeclaration<TOptions> Number(
        string name, string help, Func<TOptions, int?> get, Func<TOptions, int, TOptions> set, int least = 0, int most = int.MaxValue, string? takes = null) =>
        new DeclaredOption<TOptions, int?>(
            name,
            help,
            new OptionKind<int?>("N", OptionShape.OneValue, ReadNumber, static value => value?.ToString(CultureInfo.InvariantCulture))
            {
                FindFault = value => value is { } number && (number < least || number > most) ? takes ?? InRange(least, most) : null,
            },
            get,
            (options, value) => set(options, value.GetValueOrDefault()));

    public static OptionDeclaration<TOptions> Port(string name, string help, Func<TOptions, int?> get, Func<TOptions, int, TOptions> set) =>
        Number(name, help, get, set, 1, 65_535, "a port from 1 to 65535");

    /// <summary>A port to listen on; 0: any free one.</summary>
    public static OptionDeclaration<TOptions> ListenPort(string name, string help, Func<TOptions, int?> get, Func<TOptions, int, TOptions> set) =>
        Number(name, help, get, set, 0, 65_535, "a port from 1 to 65535, or 0 for any free one");

    /// <summary>A whole number of something, like bytes or seconds.</summary>
    /// <param name="expected">What it is, for messages: <c>a whole number of bytes</c>.</param>
    public static OptionDeclaration<TOptions> Count(
        string name, string valueName, string help, string expected, Func<TOptions, long?> get, Func<TOptions, long, TOptions> set, long most = long.MaxValue) =>
        new DeclaredOption<TOptions, long?>(
            name,
            help,
            new OptionKind<long?>(
                valueName,
                OptionShape.OneValue,
                (IReadOnlyList<string> texts, out long? value) =>
                {
                    bool isNumber = long.TryParse(texts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out long number);
                    value = number;
                    return isNumber ? null : IsNot(texts[^1], expected);
                },
                static value => value?.ToString(CultureInfo.InvariantCulture))
            {
                FindFault = value => value < 0 || value > most ? $"{expected}, up to {most.ToString(CultureInfo.InvariantCulture)}" : null,
            },
            get,
            (options, value) => set(options, value.GetValueOrDefault()));

    /// <summary>An amount of memory: bytes, or a number with KiB, MiB or GiB behind it.</summary>
    public static OptionDeclaration<TOptions> Size(string name, string help, Func<TOptions, long?> get, Func<TOptions, long, TOptions> set) =>
        new DeclaredOption<TOptions, long?>(
            name,
            help,
            new OptionKind<long?>("SIZE", OptionShape.OneValue, ReadSize, static value => value?.ToString(CultureInfo.InvariantCulture)),
            get,
            (options, value) => set(options, value.GetValueOrDefault()));

    /// <summary>A time in seconds, above zero.</summary>
    public static OptionDeclaration<TOptions> Seconds(
        string name, string help, Func<TOptions, TimeSpan> get, Func<TOptions, TimeSpan, TOptions> set, bool mayBeZero = false, bool mayTakeAWeek = false)
    {
        TimeSpan most = TimeSpan.FromDays(mayTakeAWeek ? 7 : 1);
        string takes = $"a number of seconds, {(mayBeZero ? "" : "above 0 and ")}up to a {(mayTakeAWeek ? "week" : "day")}";
        return new DeclaredOption<TOptions, TimeSpan>(
            name,
            help,
            new OptionKind<TimeSpan>("SECONDS", OptionShape.OneValue, ReadSeconds, static value => value.TotalSeconds.ToString(CultureInfo.InvariantCulture))
            {
                FindFault = value => value < TimeSpan.Zero || (value == TimeSpan.Zero && !mayBeZero) || value > most ? takes : null,
            },
            get,
            set);
    }

    public static OptionDeclaration<TOptions> Address(string name, string help, Func<TOptions, IPAddress?> get, Func<TOptions, IPAddress, TOptions> set) =>
        Of(name, "ADDRESS", help, ReadAddress, static value => value?.ToString(), get, (options, value) => set(options, value!));

    /// <summary>One of these words.</summary>
    public static OptionDeclaration<TOptions> Choice<T>(
        string name, string help, IReadOnlyList<(string Word, T Value)> choices, Func<TOptions, T> get, Func<TOptions, T, TOptions> set)
    {
        string[] words = [.. choices.Select(choice => choice.Word)];
        return new DeclaredOption<TOptions, T>(
            name,
            help,
            new OptionKind<T>(
                string.Join('|', words),
                OptionShape.OneValue,
                (IReadOnlyList<string> texts, out T value) =>
                {
                    int index = Array.IndexOf(words, texts[^1]);
                    value = choices[Math.Max(0, index)].Value;
                    return index >= 0 ? null : IsNot(texts[^1], $"one of {string.Join(", ", words)}");
                },
                value => choices.FirstOrDefault(choice => Equals(choice.Value, value)).Word)
            {
                Choices = words,
            },
            get,
            set);
    }

    public static OptionDeclaration<TOptions> Choice(
        string name, string help, IReadOnlyList<string> words, Func<TOptions, string> get, Func<TOptions, string, TOptions> set) =>
        Choice(name, help, [.. words.Select(word => (word, word))], get, set);

    public static OptionDeclaration<TOptions> Texts(
        string name, string valueName, string help, Func<TOptions, IReadOnlyList<string>> get, Func<TOptions, IReadOnlyList<string>, TOptions> set) =>
        new DeclaredOption<TOptions, IReadOnlyList<string>>(
            name,
            help,
            new OptionKind<IReadOnlyList<string>>(
                valueName,
                OptionShape.Repeated,
                (IReadOnlyList<string> texts, out IReadOnlyList<string> value) =>
                {
                    value = texts;
                    return texts.Select(FindTextFault).FirstOrDefault(fault => fault is not null);
                },
                static value => value.Count == 0 ? null : string.Join(',', value)),
            get,
            set);

    public static OptionDeclaration<TOptions> Switch(string name, string help, Func<TOptions, bool> get, Func<TOptions, bool, TOptions> set) =>
        new DeclaredOption<TOptions, bool>(
            name,
            help,
            new OptionKind<bool>(
                "",
                OptionShape.Switch,
                static (IReadOnlyList<string> texts, out bool value) => bool.TryParse(texts[^1], out value) ? null : IsNot(texts[^1], "true or false"),
                static value => value ? "on" : "off"),
            get,
            set);

    /// <summary>The same, where the value may be left out: then it reads <c>true</c>.</summary>
    /// <inheritdoc cref="Of"/>
    public static OptionDeclaration<TOptions> Optional<T>(
        string name, string valueName, string help, Func<string, (T Value, string? Fault)> read, Func<T, string?> write, Func<TOptions, T> get, Func<TOptions, T, TOptions> set) =>
        Of(name, valueName, help, read, write, get, set, OptionShape.OptionalValue);

    /// <summary>What has a way of its own to be written.</summary>
    /// <param name="read">The value, or what is wrong: the end of a sentence, like <c>'x' is not a range of ports.</c></param>
    public static OptionDeclaration<TOptions> Of<T>(
        string name, string valueName, string help, Func<string, (T Value, string? Fault)> read, Func<T, string?> write, Func<TOptions, T> get, Func<TOptions, T, TOptions> set,
        OptionShape shape = OptionShape.OneValue) =>
        new DeclaredOption<TOptions, T>(
            name,
            help,
            new OptionKind<T>(
                valueName,
                shape,
                (IReadOnlyList<string> texts, out T value) =>
                {
                    (value, string? fault) = FindTextFault(texts[^1]) is { } bad ? (default!, bad) : read(texts[^1]);
                    return fault;
                },
                write),
            get,
            set);

    private static string InRange(int least, int most) =>
        most == int.MaxValue ? $"a number, {least} or more" : string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}");

    private static string IsNot(string text, string expected) => $"'{Printable.Of(text)}' is not {expected}.";

    // What is not UTF-8 was given as other bytes than those that are here now: it names no file and no host.
    private static string? FindTextFault(string text) => text.Length == 0
        ? IsNot(text, "a text: it is empty. Leave the option out, or give it a value")
        : text.Contains('\uFFFD', StringComparison.Ordinal) ? IsNot(text, "valid UTF-8") : null;

    private static (string? Value, string? Fault) ReadText(string text) => (text, null);

    private static (IPAddress? Value, string? Fault) ReadAddress(string text) =>
        IPAddress.TryParse(text, out IPAddress? value) && (value.AddressFamily != AddressFamily.InterNetwork || value.ToString() == text)
            ? (value, null)
            : (null, IsNot(text, "an IP address"));

    private static string? ReadNumber(IReadOnlyList<string> texts, out int? value)
    {
        bool isNumber = int.TryParse(texts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int number);
        value = number;
        return isNumber ? null : IsNot(texts[^1], $"a whole number up to {int.MaxValue}");
    }

    private static string? ReadSize(IReadOnlyList<string> texts, out long? value)
    {
        ReadOnlySpan<char> text = texts[^1];
        int digits = text.IndexOfAnyExceptInRange('0', '9') is var end and >= 0 ? end : text.Length;
        int shift = text[digits..] switch { "" => 0, "KiB" => 10, "MiB" => 20, "GiB" => 30, _ => -1 };
        bool isNumber = long.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out long number);
        bool isSize = isNumber && shift >= 0 && number <= long.MaxValue >> shift;
        value = isSize ? number << shift : null;
        return isSize ? null : IsNot(texts[^1], "a size like 268435456, 256MiB or 1GiB");
    }

    private static string? ReadSeconds(IReadOnlyList<string> texts, out TimeSpan value)
    {
        bool isNumber = double.TryParse(texts[^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is >= 0 and < MostSeconds;
        value = isNumber ? TimeSpan.FromSeconds(seconds) : default;
        return isNumber ? null : IsNot(texts[^1], "a number of seconds");
    }
}
