using System.Text;
using Tunnel.Hosting.Files;

namespace Tunnel.Hosting.Service;

/// <summary>The file with the environment variables of a service, as systemd reads it (systemd.exec(5), "EnvironmentFile=").</summary>
public static class VariablesFile
{
    private const int MostBytes = 64 * 1024;
    private const string Escaped = "\"\\`$";

    /// <param name="variables">Values without control characters.</param>
    public static string Write(string program, IReadOnlyDictionary<string, string> variables)
    {
        var text = new StringBuilder($"# {ServiceFile.Mark(program)}\n");
        foreach ((string name, string value) in variables)
        {
            text.Append(name).Append("=\"");
            foreach (char c in value)
            {
                text.Append(Escaped.Contains(c, StringComparison.Ordinal) ? "\\" : "").Append(c);
            }

            text.Append("\"\n");
        }

        return text.ToString();
    }

    /// <summary>The variables of the file; none if there is no file.</summary>
    /// <exception cref="OutsideFileException">It is there, and cannot be read.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        try
        {
            return Parse(OutsideFile.ReadText(path, MostBytes));
        }
        catch (OutsideFileException error) when (error.IsMissing)
        {
            return new Dictionary<string, string>();
        }
    }

    /// <summary>The same of its text. What goes on in the next line is left out.</summary>
    internal static Dictionary<string, string> Parse(string text)
    {
        var variables = new Dictionary<string, string>();
        foreach (string line in text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] is not ('#' or ';')))
        {
            if (line.Split('=', 2) is [var name, var value])
            {
                variables[name.TrimEnd()] = Unquote(value.TrimStart());
            }
        }

        return variables;
    }

    private static string Unquote(string text)
    {
        if (text is ['\'', .. var plain, '\''])
        {
            return plain;
        }

        bool isQuoted = text is ['"', .., '"'] && text.Length > 1;
        string inside = isQuoted ? text[1..^1] : text;
        var value = new StringBuilder();
        for (int i = 0; i < inside.Length; i++)
        {
            // Between quotes a backslash says something of these characters only.
            bool isEscape = inside[i] == '\\' && i + 1 < inside.Length && (!isQuoted || Escaped.Contains(inside[i + 1], StringComparison.Ordinal));
            value.Append(inside[isEscape ? ++i : i]);
        }

        return value.ToString();
    }
}
