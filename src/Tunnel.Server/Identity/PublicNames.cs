using System.Buffers;
using Tunnel.Hosting;

namespace Tunnel.Server.Identity;

/// <summary>What a public name may look like, and which name a request for a tunnel means.</summary>
internal static class PublicNames
{
    public const int MostBytes = 253;
    public const int MostLabelBytes = 63;

    private static readonly SearchValues<char> LabelChars = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private static readonly string[] Moods =
        ["amber", "brave", "calm", "clear", "cosy", "early", "fair", "fresh", "gentle", "golden", "happy", "keen", "kind", "light",
         "lucky", "merry", "mild", "misty", "neat", "noble", "open", "plain", "proud", "quick", "quiet", "rapid", "sharp", "shy",
         "silver", "small", "smart", "snowy", "soft", "sunny", "swift", "tidy", "warm", "wild", "wise", "young"];

    private static readonly string[] Things =
        ["acorn", "badger", "beach", "birch", "brook", "cedar", "cloud", "comet", "coral", "crane", "creek", "dune", "eagle", "ember",
         "fern", "field", "finch", "forest", "garden", "grove", "harbor", "heron", "hill", "island", "lake", "lark", "maple", "meadow",
         "moon", "otter", "pebble", "pine", "river", "robin", "sparrow", "star", "stone", "valley", "willow", "wren"];

    private static readonly int LongestChosen = Moods.Max(mood => mood.Length) + Things.Max(thing => thing.Length) + "--999".Length;

    /// <summary>One label: letters, digits and inner hyphens, lower case, at most 63.</summary>
    public static bool IsLabel(ReadOnlySpan<char> label) =>
        label.Length is > 0 and <= MostLabelBytes && !label.ContainsAnyExcept(LabelChars) && label[0] != '-' && label[^1] != '-';

    /// <summary>Labels and dots, lower case, at most 253.</summary>
    public static bool IsHostName(ReadOnlySpan<char> name)
    {
        if (name.Length is 0 or > MostBytes)
        {
            return false;
        }

        foreach (Range label in name.Split('.'))
        {
            if (!IsLabel(name[label]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// The public name a tunnel is asked for under; null, with the reason, when it cannot be had. A name that nobody asked
    /// for is chosen until <paramref name="isTaken"/> says no.
    /// </summary>
    public static string? Resolve(string? subdomain, string? hostname, string domain, Func<string, bool> isTaken, out string reason)
    {
        reason = "";
        if (hostname is not null)
        {
            string name = hostname.ToLowerInvariant().TrimEnd('.');
            if (!IsHostName(name) || !name.Contains('.', StringComparison.Ordinal) || char.IsAsciiDigit(name[^1]))
            {
                reason = $"{Quote(hostname)} is not a host name; it takes letters, digits, hyphens and dots, like www.example.org.";
                return null;
            }

            if (name == domain)
            {
                reason = $"{name} is the server's own domain; ask for a subdomain of it.";
                return null;
            }

            return name;
        }

        if (subdomain is null)
        {
            return $"{Choose(label => isTaken($"{label}.{domain}"))}.{domain}";
        }

        string label = subdomain.ToLowerInvariant();
        if (!IsLabel(label))
        {
            reason = $"{Quote(subdomain)} is not a subdomain; it takes 1 to 63 letters, digits and inner hyphens, no dots, like my-app.";
            return null;
        }

        string full = $"{label}.{domain}";
        if (full.Length > MostBytes)
        {
            reason = $"{full} is longer than the {MostBytes} characters a name can have.";
            return null;
        }

        return full;
    }

    /// <summary>A readable label that is not taken.</summary>
    public static string Choose(Func<string, bool> isTaken)
    {
        while (true)
        {
            string label = $"{Moods[Random.Shared.Next(Moods.Length)]}-{Things[Random.Shared.Next(Things.Length)]}-{Random.Shared.Next(100, 1000)}";
            if (!isTaken(label))
            {
                return label;
            }
        }
    }

    /// <summary>The same for a place that takes no more than <paramref name="most"/> characters: readable if they suffice for that.</summary>
    public static string Choose(int most, Func<string, bool> isTaken)
    {
        const string Plain = "abcdefghijklmnopqrstuvwxyz0123456789";
        const int Tries = 64;
        if (most >= LongestChosen)
        {
            return Choose(isTaken);
        }

        string label = "";
        for (int i = 0; i < Tries && (label.Length == 0 || isTaken(label)); i++)
        {
            label = new string(Random.Shared.GetItems<char>(Plain, Math.Clamp(most, 1, 8)));
        }

        // There may be none left in so little room; then it is the one that asks who is told.
        return label;
    }

    /// <summary>Whether <see cref="Choose(Func{string, bool})"/> may have made this label.</summary>
    public static bool IsChosen(string label) =>
        label.Split('-') is [var mood, var thing, { Length: 3 } number]
        && Moods.Contains(mood) && Things.Contains(thing) && number[0] != '0' && number.All(char.IsAsciiDigit);

    private static string Quote(string text) => $"'{Printable.Of(text)}'";
}
