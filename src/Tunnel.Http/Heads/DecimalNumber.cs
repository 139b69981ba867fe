namespace Tunnel.Http.Heads;

/// <summary>What became of reading a number.</summary>
internal enum NumberVerdict
{
    Fine,
    Malformed,
    TooLarge,
}

/// <summary>
/// <c>1*DIGIT</c> with one reading: no sign, no whitespace, and no leading zeros, which some parsers take for octal.
/// </summary>
internal static class DecimalNumber
{
    public static NumberVerdict Read(ReadOnlySpan<byte> text, out long number)
    {
        number = 0;
        if (text.IsEmpty || (text.Length > 1 && text[0] == '0') || text.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return NumberVerdict.Malformed;
        }

        foreach (var digit in text)
        {
            if (number > (long.MaxValue - (digit - '0')) / 10)
            {
                number = 0;
                return NumberVerdict.TooLarge;
            }

            number = (number * 10) + (digit - '0');
        }

        return NumberVerdict.Fine;
    }
}
