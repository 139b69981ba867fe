using Microsoft.Extensions.Logging;
using Tunnel.Hosting.Secrets;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Identity;

/// <summary>
/// The tokens of a server, in one file that <c>token</c> commands and the running server share. Every change is made under
/// a lock, from what the file says at that moment, and replaces the file as a whole: a crash loses nothing that was
/// reported as done. Safe from any thread.
/// </summary>
internal sealed class TokenStore
{
    /// <summary>Names one token may own because it asked first.</summary>
    public const int MostClaims = 64;

    /// <summary>
    /// TCP ports likewise. A server has few, so no token gets many; further ones it may use while they are free, without
    /// keeping them.
    /// </summary>
    public const int MostPortClaims = 8;

    /// <summary>Another writer holds the lock for the time of one write.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly string _folder;
    private readonly string _path;
    private readonly string _domain;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly List<NameNote> _unsaved = [];

    // The first so many of them are on their way to the disk.
    private int _saving;
    private TokenSet _current;
    private FileStamp _stamp;
    private long _changes;

    private TokenStore(string folder, string domain, TimeProvider time)
    {
        _folder = folder;
        _path = Path.Combine(folder, FileName);
        _domain = domain;
        _time = time;
        _current = new TokenSet([], domain);
    }

    public const string FileName = "tokens.json";

    public TokenSet Current => Volatile.Read(ref _current);

    public string FilePath => _path;

    /// <summary>
    /// How often something that others wrote was taken in, whoever called for it. Who must act on changes compares it with
    /// what it saw last: a change is taken in by the first that looks, which may be a handshake or a note on its way to the disk.
    /// </summary>
    public long Changes => Volatile.Read(ref _changes);

    /// <summary>Reads the store; a file that is not there is a store without tokens.</summary>
    /// <param name="folder">Exists.</param>
    /// <exception cref="IOException">The file is there and cannot be read, or is not a store.</exception>
    /// <exception cref="UnauthorizedAccessException">It belongs to somebody else.</exception>
    public static TokenStore Open(string folder, string domain, TimeProvider time)
    {
        var store = new TokenStore(folder, domain, time);
        store.Refresh();
        return store;
    }

    /// <summary>Takes in what others have written. Cheap when they have not.</summary>
    /// <exception cref="IOException">The file cannot be read, or is not a store; what was known before still holds.</exception>
    /// <exception cref="UnauthorizedAccessException">It belongs to somebody else.</exception>
    public void Refresh()
    {
        lock (_lock)
        {
            FileStamp stamp = FileStamp.Of(_path);
            if (stamp != _stamp)
            {
                // Also when it cannot be read: said once, not every second.
                _stamp = stamp;
                Publish(ReadFile());
                _changes++;
            }
        }
    }

    /// <summary>The same for who can go on without: what goes wrong is said in the log, and what was known before holds.</summary>
    public void Refresh(ILogger log)
    {
        try
        {
            Refresh();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            ServerLog.TokenStoreFault(log, error.Message);
        }
    }

    /// <summary>Who shows this credential.</summary>
    /// <param name="token">The token, also when it is accepted no more.</param>
    public TokenVerdict Verify(string credential, out TokenRecord? token)
    {
        token = Current.Authenticate(credential);
        return token switch
        {
            null => TokenVerdict.Unknown,
            { Revoked: not null } => TokenVerdict.Revoked,
            _ when !token.IsLive(_time.GetUtcNow()) => TokenVerdict.Expired,
            _ => TokenVerdict.Accepted,
        };
    }

    /// <summary>Makes a name a token's own, from now on; <see cref="SaveNotesAsync"/> brings it to the disk.</summary>
    /// <returns>Null, or why not.</returns>
    public string? Claim(TokenRecord token, string name)
    {
        lock (_lock)
        {
            if (Current.Find(token.Id) is not { } record)
            {
                return "The token is gone.";
            }

            if (record.Claims.Contains(name))
            {
                return null;
            }

            int ports = record.Claims.Count(claim => TcpName.TryParse(claim, out _));
            bool isPort = TcpName.TryParse(name, out _);
            if (isPort && ports >= MostPortClaims)
            {
                return null;
            }

            if (!isPort && record.Claims.Count - ports >= MostClaims)
            {
                return $"The token '{token.Name}' owns {MostClaims} names already, and that is the limit.";
            }

            if (NameRights.Judge(Current, record, name, _time.GetUtcNow()) is { } reason)
            {
                return reason;
            }

            Note(new NameNote(token.Id, name, NameNoteKind.Claimed));
            return null;
        }
    }

    /// <summary>A token serves a name that a star of it covers; <see cref="SaveNotesAsync"/> brings it to the disk.</summary>
    public void Remember(TokenRecord token, string name)
    {
        lock (_lock)
        {
            // One that is there, and not soon to be forgotten, costs nothing.
            if (Current.Find(token.Id) is not { } record || record.Served.TakeLast(NameNote.MostServed / 2).Contains(name))
            {
                return;
            }

            // No more than will be kept, also while the disk takes nothing.
            var note = new NameNote(token.Id, name, NameNoteKind.Served);
            List<NameNote> before = _unsaved[_saving..].FindAll(other => other.Kind == NameNoteKind.Served && other.TokenId == token.Id);
            if (before.Contains(note) || before.Count >= NameNote.MostServed)
            {
                _unsaved.RemoveAt(_unsaved.IndexOf(before.Contains(note) ? note : before[0], _saving));
            }

            Note(note);
        }
    }

    /// <summary>A token serves one of its names, as passthrough or not; known from now on, and saved as a claim is.</summary>
    public void NotePassthrough(TokenRecord token, string name, bool isPassthrough)
    {
        lock (_lock)
        {
            bool isNews = isPassthrough ? Current.Find(token.Id)?.Passthrough.Contains(name) == false : Current.IsPassthrough(name);
            if (isNews)
            {
                Note(new NameNote(token.Id, name, isPassthrough ? NameNoteKind.Passthrough : NameNoteKind.Terminated));
            }
        }
    }

    /// <summary>Brings to the disk what has come to be true of names and is not there yet. One call at a time.</summary>
    /// <exception cref="IOException">That did not work; it still holds in this process, and the next call tries again.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public async Task SaveNotesAsync(CancellationToken cancel)
    {
        NameNote[] notes;
        lock (_lock)
        {
            notes = [.. _unsaved];
            _saving = notes.Length;
        }

        if (notes.Length == 0)
        {
            return;
        }

        int saved = 0;
        try
        {
            await ChangeAsync(tokens => NameNote.Apply(tokens, notes), cancel);
            saved = notes.Length;
        }
        finally
        {
            lock (_lock)
            {
                // Later ones stand behind them.
                _unsaved.RemoveRange(0, saved);
                _saving = 0;
            }
        }
    }

    /// <summary>Changes the file: from what it says now to what <paramref name="change"/> makes of it.</summary>
    /// <exception cref="IOException">The file, the lock or the disk does not allow it; nothing has changed.</exception>
    /// <exception cref="UnauthorizedAccessException">It belongs to somebody else.</exception>
    public async Task ChangeAsync(Func<IReadOnlyList<TokenRecord>, IReadOnlyList<TokenRecord>> change, CancellationToken cancel = default)
    {
        using FolderLock held = await FolderLock.TakeAsync(_folder, Patience, _time, cancel);
        FileStamp before = FileStamp.Of(_path);
        IReadOnlyList<TokenRecord> changed = change(ReadFile());
        OwnerOnlyFile.Write(_path, TokenFile.Write(changed));
        lock (_lock)
        {
            if (before != _stamp)
            {
                _changes++;
            }

            _stamp = FileStamp.Of(_path);
            Publish(changed);
        }
    }

    // The caller holds the lock.
    private void Note(NameNote note)
    {
        _unsaved.Add(note);
        Volatile.Write(ref _current, new TokenSet(NameNote.Apply([.. Current.All], [note]), _domain));
    }

    // The caller holds the lock, or nobody else knows of the store yet.
    private void Publish(IReadOnlyList<TokenRecord> tokens) =>
        Volatile.Write(ref _current, new TokenSet(NameNote.Apply(tokens, _unsaved), _domain));

    private IReadOnlyList<TokenRecord> ReadFile()
    {
        byte[] content;
        try
        {
            if (new FileInfo(_path).Length > TokenFile.MostBytes)
            {
                throw new IOException($"{_path} is larger than a token store can be.");
            }

            content = File.ReadAllBytes(_path);
        }
        catch (FileNotFoundException)
        {
            return [];
        }

        try
        {
            return TokenFile.Read(content);
        }
        catch (TokenFileException error)
        {
            throw new IOException($"{_path}: {error.Message}.", error);
        }
    }

    /// <summary>Tells one state of a file from another without reading it.</summary>
    private readonly record struct FileStamp(DateTime Written, long Length)
    {
        public static FileStamp Of(string path)
        {
            var file = new FileInfo(path);
            return file.Exists ? new FileStamp(file.LastWriteTimeUtc, file.Length) : default;
        }
    }
}
