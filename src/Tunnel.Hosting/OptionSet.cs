using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tunnel.Hosting;

/// <summary>
/// The options of one program: each is taken from the command line, else from its environment variable
/// (<c>PREFIX_NAME</c> for <c>--name</c>), else from its default. Help text, parsing and the error for a bad value come
/// from the one place where the option is added.
/// </summary>
public sealed class OptionSet(Command command, string environmentPrefix)
{
    private const double MostSeconds = 1e9;

    public delegate bool TryParse<T>(string text, out T value);

    public Option<string?> Text(string name, string valueName, string description, string? fallback = null) =>
        Add(name, valueName, description, fallback, "a text", (string text, out string? value) => IsText(value = text), Expected);

    public Option<int?> Number(string name, string description, int? fallback = null) =>
        Add(name, "N", description, fallback, $"a whole number up to {int.MaxValue}", (string text, out int? value) =>
        {
            bool isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
            value = number;
            return isNumber;
        });

    public Option<long?> Bytes(string name, string description, long? fallback = null) =>
        Count(name, "BYTES", description, "a whole number of bytes", fallback);

    /// <summary>An amount of memory: bytes, or a number with KiB, MiB or GiB behind it.</summary>
    public Option<long?> Size(string name, string description) =>
        Add(name, "SIZE", description, null, "a size like 268435456, 256MiB or 1GiB", (string text, out long? value) =>
        {
            int digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9') is var end and >= 0 ? end : text.Length;
            int shift = text.AsSpan(digits) switch { "" => 0, "KiB" => 10, "MiB" => 20, "GiB" => 30, _ => -1 };
            bool isNumber = long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out long number);
            bool isSize = isNumber && shift >= 0 && number <= long.MaxValue >> shift;
            value = isSize ? number << shift : null;
            return isSize;
        });

    /// <summary>A whole number that may be left out.</summary>
    /// <param name="expected">What it is, for the error.</param>
    public Option<long?> Count(string name, string valueName, string description, string expected, long? fallback = null) =>
        Add(name, valueName, description, fallback, expected, (string text, out long? value) =>
        {
            bool isNumber = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number);
            value = number;
            return isNumber;
        });

    /// <summary>A time in seconds; shown and kept as the number it is given as.</summary>
    public Option<double> Seconds(string name, string description, TimeSpan fallback) =>
        Add(name, "SECONDS", description, fallback.TotalSeconds, "a number of seconds", (string text, out double value) =>
            double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value) && value is >= 0 and < MostSeconds);

    public Option<IPAddress?> Address(string name, string description) =>
        Add(name, "ADDRESS", description, null, "an IP address", (string text, out IPAddress? value) =>
            IPAddress.TryParse(text, out value) && (value.AddressFamily != AddressFamily.InterNetwork || value.ToString() == text));

    public Option<string?> Choice(string name, string description, string fallback, params string[] choices) =>
        Add(name, string.Join('|', choices), description, fallback, $"one of {string.Join(", ", choices)}",
            (string text, out string? value) => Array.IndexOf(choices, value = text) >= 0);

    /// <summary>
    /// Taken from the command line alone, so that a default from the environment never shows in a help text; reading the
    /// variable that the help names is the caller's.
    /// </summary>
    public Option<string?> Secret(string name, string valueName, string description)
    {
        var option = new Option<string?>(name) { Description = $"{description} [{VariableOf(name)}]", HelpName = valueName };
        option.Validators.Add(result => Check(result.Tokens.Select(token => token.Value), name, result));
        command.Options.Add(option);
        return option;
    }

    /// <summary>May be given several times; in the environment once, separated by commas.</summary>
    public Option<string[]> Texts(string name, string valueName, string description)
    {
        string variable = VariableOf(name);
        var option = new Option<string[]>(name)
        {
            Description = $"{description} May be given several times. [{variable}]",
            HelpName = valueName,
            DefaultValueFactory = _ =>
                Environment.GetEnvironmentVariable(variable)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [],
        };
        option.Validators.Add(result => Check(result.GetValue(option) ?? [], result.Implicit ? variable : name, result));
        command.Options.Add(option);
        return option;
    }

    /// <summary>On when given; in the environment <c>true</c> or <c>false</c>.</summary>
    public Option<bool> Switch(string name, string description)
    {
        string variable = VariableOf(name);
        var option = new Option<bool>(name)
        {
            Description = $"{description} [{variable}]",
            Arity = ArgumentArity.Zero,
            DefaultValueFactory = result =>
            {
                bool isOn = false;
                if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text && !bool.TryParse(text, out isOn))
                {
                    result.AddError($"{variable}: '{Printable.Of(text)}' is not true or false.");
                }

                return isOn;
            },
        };
        command.Options.Add(option);
        return option;
    }

    // What is not UTF-8 was given as other bytes than those that are here now: it names no file and no host.
    private static bool IsText(string text) => text.Length > 0 && !text.Contains('\uFFFD', StringComparison.Ordinal);

    private static string Expected(string text) => text.Length == 0 ? "a text: it is empty. Leave the option out, or give it a value" : "valid UTF-8";

    private static void Check(IEnumerable<string> texts, string from, SymbolResult result)
    {
        if (texts.FirstOrDefault(text => !IsText(text)) is { } bad)
        {
            result.AddError(Complaint(from, bad, Expected(bad)));
        }
    }

    private static string Complaint(string from, string text, string expected) => $"{from}: '{Printable.Of(text)}' is not {expected}.";

    private Option<T> Add<T>(
        string name, string valueName, string description, T fallback, string expected, TryParse<T> parse, Func<string, string>? explain = null)
    {
        string variable = VariableOf(name);
        T Read(string text, string from, SymbolResult result)
        {
            if (!parse(text, out T value))
            {
                result.AddError(Complaint(from, text, explain?.Invoke(text) ?? expected));
            }

            return value;
        }

        var option = new Option<T>(name)
        {
            Description = $"{description} [{variable}]",
            HelpName = valueName,
            CustomParser = result => Read(result.Tokens[^1].Value, name, result),
            DefaultValueFactory = result =>
                Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? Read(text, variable, result) : fallback,
        };
        command.Options.Add(option);
        return option;
    }

    private string VariableOf(string name) => environmentPrefix + name.TrimStart('-').Replace('-', '_').ToUpperInvariant();
}
