namespace Tunnel.Hosting.Options;

/// <summary>How the values of an option are written, read and bounded.</summary>
/// <param name="ValueName">What stands for one in help.</param>
/// <param name="Read">Null and the value, or what is wrong: the end of a sentence that begins with the place, like <c>'x' is not a number.</c></param>
/// <param name="Write">As a person writes it; null: there is none.</param>
public sealed record OptionKind<T>(string ValueName, OptionShape Shape, OptionKind<T>.Reader Read, Func<T, string?> Write)
{
    public delegate string? Reader(IReadOnlyList<string> texts, out T value);

    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>What the option takes, like <c>a number from 1 to 64</c>, when a value is outside of that; null: it is not.</summary>
    public Func<T, string?> FindFault { get; init; } = static _ => null;
}
