using System.Text;
using Tunnel.Hosting.Options;

namespace Tunnel.Hosting.Settings;

/// <summary>Puts environment variables in: <c>${NAME}</c>, or <c>${NAME:-what else}</c>; <c>$${</c> stands for <c>${</c> itself.</summary>
internal static class VariableText
{
    private const string Begin = "${";

    /// <param name="place">Where the text stands.</param>
    public static string Expand(string text, string place, Func<string, string?> environment, OptionFaults faults)
    {
        int at = text.IndexOf(Begin, StringComparison.Ordinal);
        if (at < 0)
        {
            return text;
        }

        var expanded = new StringBuilder();
        int done = 0;
        while (at >= 0)
        {
            if (at > done && text[at - 1] == '$')
            {
                expanded.Append(text, done, at - 1 - done).Append(Begin);
                done = at + Begin.Length;
            }
            else
            {
                int end = text.IndexOf('}', at);
                if (end < 0)
                {
                    faults.Add($"{place}: '${{' has no end here; a variable is written ${{NAME}}.");
                    return text;
                }

                string[] parts = text[(at + Begin.Length)..end].Split(":-", 2);
                string value = environment(parts[0]) is { Length: > 0 } set ? set : parts.ElementAtOrDefault(1) ?? "";
                if (value.Length == 0 && parts.Length == 1)
                {
                    // It stays as it is written: what is then wrong with an empty value is not the mistake.
                    faults.Add($"{place}: the environment variable {Printable.Of(parts[0])} is not set. Set it, or write ${{{Printable.Of(parts[0])}:-VALUE}}.");
                    value = text[at..(end + 1)];
                }

                expanded.Append(text, done, at - done).Append(value);
                done = end + 1;
            }

            at = text.IndexOf(Begin, done, StringComparison.Ordinal);
        }

        return expanded.Append(text, done, text.Length - done).ToString();
    }
}
