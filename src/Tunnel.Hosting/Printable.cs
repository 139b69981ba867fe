namespace Tunnel.Hosting;

/// <summary>Makes text from outside fit for a log or a terminal.</summary>
public static class Printable
{
    private const int Most = 512;

    /// <summary>Printable ASCII stays, everything else becomes a question mark; at most 512 characters.</summary>
    public static string Of(string text) =>
        string.Create(Math.Min(text.Length, Most), text, static (result, source) =>
        {
            for (int i = 0; i < result.Length; i++)
            {
                result[i] = source[i] is >= ' ' and < (char)0x7F ? source[i] : '?';
            }
        });
}
