using System.Globalization;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Hosting.Control;

/// <summary>
/// Where the running programs of one name have their sockets, each <c>PID.sock</c>. A folder that we make is its owner's alone. One that
/// lets its group in and nobody else, as a package may make it, means that this group may ask too.
/// </summary>
public sealed class ControlFolder(string path)
{
    private const UnixFileMode OthersMayWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    public string Path => path;

    /// <summary>Where a program that starts now has its socket: what systemd gives, /run for root, else the user's own place.</summary>
    public static ControlFolder ForStart(string program) => new(Candidates(program).First());

    /// <summary>Where the sockets of programs may be that this user can ask.</summary>
    public static IReadOnlyList<ControlFolder> All(string program) => [.. Candidates(program).Concat(OfNamedServices(program)).Distinct().Select(path => new ControlFolder(path))];

    /// <summary>Makes the folder, unless it is there.</summary>
    /// <exception cref="IOException">It cannot be made, or others may put files into it.</exception>
    internal void Create()
    {
        OwnerOnlyFile.CreateFolder(path);
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & OthersMayWrite) != 0)
        {
            throw new IOException($"others may put files into {path}; chmod 700 {path} closes it.");
        }
    }

    /// <summary>The number of the group that may ask, beside owner and root; null: none.</summary>
    internal uint? Group()
    {
        const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        return OperatingSystem.IsLinux() && File.GetUnixFileMode(path) is var mode && (mode & UnixFileMode.GroupExecute) != 0 && (mode & Others) == 0
            ? FileStatus.Of(path)?.Group
            : null;
    }

    internal string PathOf(int pid) => System.IO.Path.Combine(path, string.Create(CultureInfo.InvariantCulture, $"{pid}.sock"));

    /// <summary>The sockets in it with the process of each; nothing where this user may not look.</summary>
    internal IReadOnlyList<(int Pid, string Socket)> Sockets()
    {
        try
        {
            return
            [
                .. Directory.EnumerateFiles(path, "*.sock")
                    .Select(file => (int.TryParse(System.IO.Path.GetFileNameWithoutExtension(file), NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? pid : 0, file))
                    .Where(socket => socket.Item1 > 0),
            ];
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            return [];
        }
    }

    // Of a service with a --name; nobody but root puts folders there.
    private static string[] OfNamedServices(string program) =>
        OperatingSystem.IsLinux() && Directory.Exists("/run") && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("RUNTIME_DIRECTORY")) ? Directory.GetDirectories("/run", $"{program}-*") : [];

    private static IEnumerable<string> Candidates(string program)
    {
        if (Environment.GetEnvironmentVariable("RUNTIME_DIRECTORY") is { Length: > 0 } given)
        {
            // systemd lists several with colons; the first is the unit's own.
            yield return given.Split(':')[0];
            yield break;
        }

        bool isRoot = OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess;
        if (!isRoot)
        {
            if (!OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } ofLogin)
            {
                yield return System.IO.Path.Combine(ofLogin, program);
            }

            yield return System.IO.Path.Combine(ProgramFolders.State(program), "run");
        }

        if (OperatingSystem.IsLinux())
        {
            yield return $"/run/{program}";
        }
    }
}
