using System.Globalization;
using System.Text.RegularExpressions;

namespace Tunnel.Hosting.Options;

/// <summary>Everything that is wrong with what somebody gave, so that it can be told at once.</summary>
public sealed partial class OptionFaults
{
    private readonly List<string> _faults = [];

    public IReadOnlyList<string> All => _faults;

    public bool IsEmpty => _faults.Count == 0;

    /// <param name="fault">A whole sentence that names the place, what is wrong and what would be right.</param>
    public void Add(string fault) => _faults.Add(fault);

    public void AddAll(OptionFaults others) => _faults.AddRange(others.All);

    /// <summary>Adds what was found in a part of a file, where options are keys.</summary>
    /// <param name="place">Of the part, as messages begin.</param>
    public void AddFrom(OptionFaults part, string place) =>
        _faults.AddRange(part.All.Select(fault => $"{place}: {fault.Replace("--", "", StringComparison.Ordinal)}"));

    public void Require(bool holds, string fault)
    {
        if (!holds)
        {
            Add(fault);
        }
    }

    /// <summary>Adds what is outside the limits of its option.</summary>
    public void Check<TOptions>(IEnumerable<OptionDeclaration<TOptions>> declarations, TOptions options) =>
        _faults.AddRange(declarations.Select(declaration => declaration.FindFault(options)).OfType<string>());

    /// <exception cref="OptionException">Something is wrong.</exception>
    public void ThrowIfAny()
    {
        if (!IsEmpty)
        {
            throw new OptionException([.. _faults.OrderBy(PlaceIn)]);
        }
    }

    // What is about a file comes in the order of its lines, whatever found it.
    private static (int Line, int Column) PlaceIn(string fault) => PlaceOfFile().Match(fault) is { Success: true } place
        ? (int.Parse(place.Groups[1].ValueSpan, CultureInfo.InvariantCulture), int.Parse(place.Groups[2].ValueSpan, CultureInfo.InvariantCulture))
        : default;

    [GeneratedRegex(@"^[^:]+:(\d{1,7}):(\d{1,7}): ")]
    private static partial Regex PlaceOfFile();
}

/// <summary>Options that a program cannot work with: one sentence for each mistake.</summary>
public sealed class OptionException(IReadOnlyList<string> faults) : ArgumentException(string.Join('\n', faults))
{
    public IReadOnlyList<string> Faults { get; } = faults;
}
