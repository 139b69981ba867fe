using System.Globalization;

namespace Tunnel.Hosting.Acme;

/// <summary>The field Retry-After in both of its forms: seconds, or a date (RFC 9110 section 10.2.3).</summary>
public static class RetryAfter
{
    /// <summary>No CA is taken at its word beyond this.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    /// <summary>How long to wait from <paramref name="now"/> on, 0 for a date that is past; null: it says nothing that can be read.</summary>
    public static TimeSpan? Read(string? value, DateTimeOffset now)
    {
        string text = value?.Trim() ?? "";
        if (text.Length is 0 or > 64)
        {
            return null;
        }

        if (!text.AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            bool isShort = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) && seconds <= Longest.TotalSeconds;
            return isShort ? TimeSpan.FromSeconds(seconds) : Longest;
        }

        if (!DateTimeOffset.TryParseExact(text, Forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowInnerWhite, out DateTimeOffset date))
        {
            return null;
        }

        TimeSpan left = date - now;
        return left < TimeSpan.Zero ? TimeSpan.Zero : left > Longest ? Longest : left;
    }

    // RFC 9110 section 5.6.7; the last two are read only.
    private static readonly string[] Forms = ["ddd, dd MMM yyyy HH:mm:ss 'GMT'", "dddd, dd-MMM-yy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy"];
}
