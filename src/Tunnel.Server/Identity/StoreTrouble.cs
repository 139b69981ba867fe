using Tunnel.Hosting.Files;

namespace Tunnel.Server.Identity;

/// <summary>
/// What is wrong with the token store, for how long, and when that is to be said. What cannot be read is tried again; what was read and
/// is no store is not, until it is another file. Guarded by the store's lock for reading.
/// </summary>
internal sealed class StoreTrouble(TimeProvider time)
{
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan SayAgain = TimeSpan.FromMinutes(1);

    private FileStamp _stamp;
    private bool _isFinal;
    private long _foundAt;
    private string? _said;
    private long _saidAt;

    internal enum Word
    {
        None,
        Trouble,
        Over,
    }

    /// <summary>A sentence; null: nothing is wrong.</summary>
    public string? Reason { get; private set; }

    /// <summary>Whether reading this state of the file again would tell nothing new.</summary>
    public bool IsKnown(FileStamp stamp) =>
        Reason is not null && stamp == _stamp && (_isFinal || time.GetElapsedTime(_foundAt) < TryAgain);

    public string Found(FileStamp stamp, OutsideFileException error)
    {
        _stamp = stamp;
        _isFinal = error.InnerException is TokenFileException;
        _foundAt = time.GetTimestamp();
        return Reason = error.Message;
    }

    /// <summary>The file can be read, or is again what was read last.</summary>
    public string? Over() => Reason = null;

    /// <summary>What the log has to be told now.</summary>
    public Word WordDue()
    {
        if (Reason == _said && (Reason is null || time.GetElapsedTime(_saidAt) < SayAgain))
        {
            return Word.None;
        }

        _said = Reason;
        _saidAt = time.GetTimestamp();
        return Reason is null ? Word.Over : Word.Trouble;
    }
}
