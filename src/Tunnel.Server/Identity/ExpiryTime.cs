using System.Globalization;

namespace Tunnel.Server.Identity;

/// <summary>Reads <c>--expires</c>: a number of days or hours from now (<c>30d</c>, <c>12h</c>), or a date in UTC (<c>2027-01-31</c>).</summary>
internal static class ExpiryTime
{
    private const int MostDays = 36_500;

    /// <exception cref="ArgumentException">It is neither, or lies in the past.</exception>
    public static DateTimeOffset? Parse(string? text, DateTimeOffset now)
    {
        if (text is null or "never")
        {
            return null;
        }

        DateTimeOffset? at = text switch
        {
            [.. var days, 'd'] when TryRead(days, MostDays, out int number) => now.AddDays(number),
            [.. var hours, 'h'] when TryRead(hours, MostDays * 24, out int number) => now.AddHours(number),
            _ when DateTimeOffset.TryParseExact(
                text, ["yyyy-MM-dd", "yyyy-MM-ddTHH:mmZ", "yyyy-MM-ddTHH:mm:ssZ"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date) => date,
            _ => null,
        };
        return at switch
        {
            null => throw new ArgumentException($"--expires: '{Hosting.Printable.Of(text)}' is not a time; it takes 30d, 12h, a date like 2027-01-31, or never."),
            _ when at <= now => throw new ArgumentException($"--expires: '{Hosting.Printable.Of(text)}' is over already."),
            _ => at,
        };
    }

    private static bool TryRead(string text, int most, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0 && number <= most;
}
