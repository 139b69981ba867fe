using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;

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
        Add(name, valueName, description, fallback, "a text", (string text, out string? value) => (value = text) is not null);

    public Option<int?> Number(string name, string description, int? fallback = null) =>
        Add(name, "N", description, fallback, "a whole number", (string text, out int? value) =>
        {
            bool isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
            value = number;
            return isNumber;
        });

    public Option<long?> Bytes(string name, string description, long? fallback = null) =>
        Add(name, "BYTES", description, fallback, "a whole number of bytes", (string text, out long? value) =>
        {
            bool isNumber = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number);
            value = number;
            return isNumber;
        });

    /// <summary>A time in seconds; shown and kept as the number it is given as.</summary>
    public Option<double> Seconds(string name, string description, TimeSpan fallback) =>
        Add(name, "SECONDS", description, fallback.TotalSeconds, "a number of seconds", (string text, out double value) =>
            double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value) && value < MostSeconds);

    public Option<IPAddress?> Address(string name, string description) =>
        Add(name, "ADDRESS", description, null, "an IP address", (string text, out IPAddress? value) => IPAddress.TryParse(text, out value));

    public Option<string?> Choice(string name, string description, string fallback, params string[] choices) =>
        Add(name, string.Join('|', choices), description, fallback, $"one of {string.Join(", ", choices)}",
            (string text, out string? value) => Array.IndexOf(choices, value = text) >= 0);

    private Option<T> Add<T>(string name, string valueName, string description, T fallback, string expected, TryParse<T> parse)
    {
        string variable = environmentPrefix + name.TrimStart('-').Replace('-', '_').ToUpperInvariant();
        T Read(string text, string from, SymbolResult result)
        {
            if (!parse(text, out T value))
            {
                result.AddError($"{from}: '{Printable.Of(text)}' is not {expected}.");
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
}
