using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Agent.Connection;

/// <summary>
/// Keeps the agent instance from one start to the next, in a small file that is locked while the agent runs
/// (docs/decisions/0005-agent-instance.md). Whoever finds the file of its tunnel unlocked is that agent, started again;
/// whoever finds it locked runs beside it and takes the next file.
/// </summary>
internal sealed class InstanceFile : IDisposable
{
    /// <summary>Agents of one tunnel that are told apart on one machine; further ones are new at every start.</summary>
    private const int Most = 64;

    private const int Digits = 32;

    private static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdef"u8);

    private readonly FileStream? _file;

    private InstanceFile(string instance, FileStream? file)
    {
        Instance = instance;
        _file = file;
    }

    /// <summary>32 hex digits.</summary>
    public string Instance { get; }

    /// <summary>It is the same again at the next start.</summary>
    public bool IsKept => _file is not null;

    /// <param name="folder">Created if need be; null: nothing is kept.</param>
    /// <param name="tunnel">What makes this the same agent: server, name and origin.</param>
    public static InstanceFile Open(string? folder, string tunnel)
    {
        if (folder is null)
        {
            return new InstanceFile(AgentSelf.NewId(), null);
        }

        string name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(tunnel)))[..Digits];
        try
        {
            OwnerOnlyFile.CreateFolder(folder);
            for (int number = 0; number < Most; number++)
            {
                if (TryLock(Path.Combine(folder, $"{name}.{number}")) is { } file)
                {
                    return new InstanceFile(ReadOrWrite(file), file);
                }
            }
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            // No place to keep it: a restarted agent is a new one then, and waits until the old session is given up.
        }

        return new InstanceFile(AgentSelf.NewId(), null);
    }

    /// <summary>Lets the next agent have it.</summary>
    public void Dispose() => _file?.Dispose();

    // Null when another process holds it. The system lets go of the lock however that process ends.
    private static FileStream? TryLock(string path)
    {
        try
        {
            return OwnerOnlyFile.Open(path, FileMode.OpenOrCreate, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    private static string ReadOrWrite(FileStream file)
    {
        Span<byte> text = stackalloc byte[Digits];
        if (file.Length == Digits && file.ReadAtLeast(text, Digits, throwOnEndOfStream: false) == Digits
            && !text.ContainsAnyExcept(HexDigits))
        {
            return Encoding.ASCII.GetString(text);
        }

        string instance = AgentSelf.NewId();
        file.SetLength(0);
        file.Position = 0;
        file.Write(Encoding.ASCII.GetBytes(instance));
        file.Flush(flushToDisk: true);
        return instance;
    }
}
