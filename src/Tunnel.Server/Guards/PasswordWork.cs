using System.Globalization;

namespace Tunnel.Server.Guards;

/// <summary>
/// Measures a password against a hash, at the price of the dearest hash of the guard whoever the user is: neither who is unknown nor
/// whose hash is cheap is told apart by the time it takes.
/// </summary>
internal static class PasswordWork
{
    // Of nothing that anybody has; the price stands in front of it.
    private const string Digest = "wJyd8/wZKF6I4Rjl8QvqZe3DX4E4b9eNkKN9aI7/PqsvlFkJAPboK";

    /// <summary>The logarithm of what a bcrypt hash costs: <c>$2y$10$…</c> is 10.</summary>
    public static int PriceOf(string hash) => int.Parse(hash.AsSpan(4, 2), NumberStyles.None, CultureInfo.InvariantCulture);

    /// <param name="hash">bcrypt; null: there is no such user.</param>
    /// <param name="price">The highest <see cref="PriceOf"/> of all the guard's hashes.</param>
    public static bool IsRight(string password, string? hash, int price)
    {
        bool isRight = false;
        foreach (string measured in Hashes(hash, price))
        {
            isRight |= BCrypt.Net.BCrypt.Verify(password, measured) && measured == hash;
        }

        return isRight;
    }

    /// <summary>
    /// What the password is measured against. A price of n and those from n up to below p make p: 2^n + 2^n + 2^(n+1) + … = 2^p.
    /// </summary>
    internal static IEnumerable<string> Hashes(string? hash, int price)
    {
        if (hash is null)
        {
            yield return Dummy(price);
            yield break;
        }

        yield return hash;
        for (int missing = PriceOf(hash); missing < price; missing++)
        {
            yield return Dummy(missing);
        }
    }

    private static string Dummy(int price) => string.Create(CultureInfo.InvariantCulture, $"$2y${price:00}${Digest}");
}
