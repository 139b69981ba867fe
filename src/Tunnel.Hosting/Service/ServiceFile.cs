using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Hosting.Service;

/// <summary>
/// A file that <c>service install</c> writes. It carries a checksum over itself, so what a person has changed afterwards, or wrote in the
/// first place, is told from what is ours, and neither overwritten nor removed by accident.
/// </summary>
/// <param name="Text">With <see cref="Mark"/> in it once.</param>
/// <param name="IsSecret">Only its owner may read it; it is not shown.</param>
public sealed partial record ServiceFile(string Path, string Text, bool IsSecret = false)
{
    private const int MostBytes = 64 * 1024;
    private const string Open = "----------------";
    private const UnixFileMode ReadableByAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>How it is written; with the byte order mark of the encoding, if that has one.</summary>
    public Encoding Encoding { get; init; } = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    /// <summary>A sentence for a comment of the file, where the checksum will stand.</summary>
    public static string Mark(string program) => $"Written by '{program} service install', which does not touch it any more once it is changed. Checksum: {Open}";

    /// <summary>The text as it is written.</summary>
    public string Sealed => Text.Replace($"Checksum: {Open}", $"Checksum: {Sum(Text)}", StringComparison.Ordinal);

    /// <exception cref="OutsideFileException">Something is there, and it cannot be read.</exception>
    public static ServiceFileState StateOf(string path)
    {
        try
        {
            string text = OutsideFile.ReadText(path, MostBytes);
            return Checksum().Match(text) is { Success: true } sum && sum.Groups[1].Value == Sum(Checksum().Replace(text, $"Checksum: {Open}", 1))
                ? ServiceFileState.Ours
                : ServiceFileState.Changed;
        }
        catch (OutsideFileException error) when (error.IsMissing)
        {
            return ServiceFileState.Missing;
        }
    }

    /// <summary>Puts it in place of what is there.</summary>
    /// <exception cref="IOException">The disk does not take it; what was there is untouched.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not.</exception>
    public void Write()
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        OwnerOnlyFile.Write(Path, [.. Encoding.GetPreamble(), .. Encoding.GetBytes(Sealed)]);
        if (!IsSecret && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path, ReadableByAll);
        }
    }

    private static string Sum(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..Open.Length];

    [GeneratedRegex("Checksum: ([0-9a-f]{16})")]
    private static partial Regex Checksum();
}

/// <summary>What stands where a file of ours belongs.</summary>
public enum ServiceFileState
{
    Missing,

    /// <summary>As it was written.</summary>
    Ours,

    /// <summary>Changed since, or somebody else's.</summary>
    Changed,
}
