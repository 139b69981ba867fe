using Tunnel.Framing.Frames;
using Tunnel.Hosting.Files;

namespace Tunnel.Agent.Identity;

/// <summary>Reads what Debian's <c>htpasswd -B</c> writes: a name, a colon and a bcrypt hash on each line.</summary>
internal static class PasswordFile
{
    private const int MostBytes = 64 * 1024;

    /// <exception cref="ArgumentException">It cannot be read; the message names the line, never its content.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        string[] lines;
        try
        {
            lines = OutsideFile.ReadText(path, MostBytes, mayBePipe: true).Split('\n');
        }
        catch (OutsideFileException error)
        {
            throw new ArgumentException($"--basic-auth-file: {error.Message}", error);
        }

        var users = new List<string>();
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (TunnelGuard.FindUserFault(line) is { } fault)
            {
                throw new ArgumentException($"--basic-auth-file: line {i + 1} of {path} {fault}.");
            }

            users.Add(line);
        }

        return users.Count switch
        {
            0 => throw new ArgumentException($"--basic-auth-file: there is nobody in {path}; 'htpasswd -cB {path} NAME' adds somebody."),
            > TunnelGuard.MostUsers => throw new ArgumentException($"--basic-auth-file: {path} has more than {TunnelGuard.MostUsers} users, and that is the limit."),
            _ => users,
        };
    }
}
