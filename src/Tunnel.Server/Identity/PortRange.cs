using System.Globalization;

namespace Tunnel.Server.Identity;

/// <summary>TCP ports a token may use, both ends included: <c>20432</c> or <c>20000-20999</c>.</summary>
internal readonly record struct PortRange(int First, int Last)
{
    public bool Contains(int port) => port >= First && port <= Last;

    public override string ToString() =>
        First == Last ? First.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{First}-{Last}");

    /// <summary>Of a text that <see cref="TryParse"/> has taken before.</summary>
    public static PortRange Parse(string text) =>
        TryParse(text, out PortRange range) ? range : throw new FormatException($"{text} is not a range of ports.");

    public static bool TryParse(string text, out PortRange range)
    {
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        bool isRange = TryParsePort(dash < 0 ? text : text[..dash], out int first);
        int last = first;
        if (dash >= 0)
        {
            isRange &= TryParsePort(text[(dash + 1)..], out last);
        }

        range = new PortRange(first, last);
        return isRange && first <= last;
    }

    private static bool TryParsePort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= 65_535;
}
