using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Identity;

/// <summary>
/// The tokens of a server, in one file that <c>token</c> commands and the running server share. Every change is made under
/// a lock, from what the file says at that moment, and replaces the file as a whole: a crash loses nothing that was
/// reported as done. While the file is gone or damaged, what was known last holds, and nothing is written. Safe from any thread.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Nobody asks the semaphore for a handle, so there is nothing to dispose of.")]
internal sealed class TokenStore
{
    public const string FileName = "tokens.json";

    /// <summary>Another writer holds the lock for the time of one write.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Between writes that agents wait for: whoever comes meanwhile shares the next one, so a busy token costs the disk no more.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(200);

    private readonly string _folder;
    private readonly string _path;
    private readonly string _domain;
    private readonly TimeProvider _time;
    private readonly StoreTrouble _trouble;

    // Taken in this order: the turn to save, the folder's lock, then for moments only _reading (whoever takes in what the file says)
    // and _lock (whoever changes what is known). Nobody who only asks waits for any of them.
    private readonly SemaphoreSlim _saving = new(1, 1);
    private readonly Lock _reading = new();
    private readonly Lock _lock = new();
    private readonly UnsavedNotes _unsaved = new();
    private TokenSet _current;
    private FileStamp _stamp;
    private long _changes;
    private long? _savedAt;

    private TokenStore(string folder, string domain, TimeProvider time)
    {
        _folder = folder;
        _path = Path.Combine(folder, FileName);
        _domain = domain;
        _time = time;
        _trouble = new StoreTrouble(time);
        _current = new TokenSet([], domain);
    }

    public TokenSet Current => Volatile.Read(ref _current);

    public string FilePath => _path;

    /// <summary>
    /// How often something that others wrote was taken in, whoever called for it. Who must act on changes compares it with
    /// what it saw last: a change is taken in by the first that looks, which may be a handshake or a note on its way to the disk.
    /// </summary>
    public long Changes => Volatile.Read(ref _changes);

    /// <summary>Reads the store. In a folder where no server has run and no token was made it has none.</summary>
    /// <param name="folder">Exists.</param>
    /// <exception cref="IOException">The file cannot be read, is not a store, or is gone.</exception>
    public static TokenStore Open(string folder, string domain, TimeProvider time)
    {
        // In this order: the store is made before the key, so where a key is there was a store.
        bool wasBegun = File.Exists(Path.Combine(folder, ServerKey.FileName));
        var store = new TokenStore(folder, domain, time);
        if (wasBegun && FileStamp.Of(store._path) == default)
        {
            throw new IOException(
                $"{store._path} is gone, although {ServerKey.FileName} is there: without it no token is known any more. Put it back from a backup; "
                + $"or, to begin without any token, write {TokenFile.EmptyText} into it.");
        }

        return store.Refresh() is { } fault ? throw new IOException(fault) : store;
    }

    /// <summary>The same, and from now on the store is there: one that is missing later on has been lost.</summary>
    /// <inheritdoc cref="Open"/>
    /// <exception cref="UnauthorizedAccessException">It belongs to somebody else.</exception>
    public static async Task<TokenStore> OpenOrBeginAsync(string folder, string domain, TimeProvider time)
    {
        TokenStore store = Open(folder, domain, time);
        if (store._stamp == default)
        {
            await store.ChangeAsync(static tokens => tokens);
        }

        return store;
    }

    /// <summary>Takes in what others have written. Cheap when they have not.</summary>
    /// <returns>Null; or why the file cannot be used, while what was known before holds.</returns>
    public string? Refresh()
    {
        lock (_reading)
        {
            FileStamp stamp = FileStamp.Of(_path);
            if (stamp == _stamp)
            {
                return _trouble.Over();
            }

            if (_trouble.IsKnown(stamp))
            {
                return _trouble.Reason;
            }

            try
            {
                TakeIn(ReadFile(), stamp);
                _changes++;
                return _trouble.Over();
            }
            catch (OutsideFileException error)
            {
                return _trouble.Found(stamp, error);
            }
        }
    }

    /// <summary>The same for a server that runs: what is wrong is said in the log, again and again while it lasts, and when it is over.</summary>
    public void Refresh(ILogger log)
    {
        Refresh();
        lock (_reading)
        {
            switch (_trouble.WordDue())
            {
                case StoreTrouble.Word.Trouble:
                    ServerLog.TokenStoreFault(log, _trouble.Reason!);
                    break;
                case StoreTrouble.Word.Over:
                    ServerLog.TokenStoreBack(log, _path);
                    break;
            }
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

            if (FirstClaims.MayKeep(Current, record, name, _time.GetUtcNow(), out string? reason) && !record.Claims.Contains(name))
            {
                Note(new NameNote(token.Id, name, NameNoteKind.Claimed));
            }

            return reason;
        }
    }

    /// <summary>A token serves a name that a star of it covers; <see cref="SaveNotesAsync"/> brings it to the disk.</summary>
    public void Remember(TokenRecord token, string name)
    {
        lock (_lock)
        {
            // One that is there, and not soon to be forgotten, costs nothing.
            if (Current.Find(token.Id) is { } record && !record.Served.TakeLast(NameNote.MostServed / 2).Contains(name))
            {
                Note(new NameNote(token.Id, name, NameNoteKind.Served));
            }
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

    /// <summary>Whether something that became a right of this token, or ceased to be one, is not on the disk yet.</summary>
    public bool HasUnsavedRight(string tokenId)
    {
        lock (_lock)
        {
            return _unsaved.HasRightOf(tokenId);
        }
    }

    /// <summary>
    /// Brings to the disk what has come to be true of names and is not there yet. Many who wait at the same time share one write.
    /// </summary>
    /// <exception cref="IOException">That did not work; it still holds in this process, and the next call tries again.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    public async Task SaveNotesAsync(CancellationToken cancel)
    {
        await _saving.WaitAsync(cancel);
        try
        {
            lock (_lock)
            {
                if (_unsaved.Count == 0)
                {
                    return;
                }
            }

            using FolderLock held = await FolderLock.TakeAsync(_folder, Patience, _time, cancel);
            FileStamp before = FileStamp.Of(_path);

            // Nobody else has written since, so what we know is what the file says, and the notes.
            TokenSet? others = before == StampTakenIn() ? null : ReadFile();
            TokenSet next;
            NameNote[] notes;
            lock (_lock)
            {
                next = others is null ? Current : _unsaved.AddTo(others, _time.GetUtcNow());
                notes = _unsaved.ToArray();
            }

            OwnerOnlyFile.Write(_path, TokenFile.Write([.. next.All]));
            lock (_reading)
            {
                lock (_lock)
                {
                    _unsaved.Saved(notes);
                    _savedAt = _time.GetTimestamp();
                }

                if (others is null)
                {
                    _stamp = FileStamp.Of(_path);
                }
                else
                {
                    TakeIn(next, FileStamp.Of(_path));
                    _changes++;
                }
            }
        }
        finally
        {
            _saving.Release();
        }
    }

    /// <summary>The same for many who cannot wait for long: some wait a moment, so that the disk has its rest.</summary>
    /// <inheritdoc cref="SaveNotesAsync" path="/exception"/>
    public async Task SaveSoonAsync(CancellationToken cancel)
    {
        TimeSpan rest;
        lock (_lock)
        {
            rest = _savedAt is { } at ? Rest - _time.GetElapsedTime(at) : TimeSpan.Zero;
        }

        if (rest > TimeSpan.Zero)
        {
            await Task.Delay(rest, _time, cancel);
        }

        await SaveNotesAsync(cancel);
    }

    /// <summary>Changes the file: from what it says now to what <paramref name="change"/> makes of it.</summary>
    /// <exception cref="IOException">The file, the lock or the disk does not allow it; nothing has changed.</exception>
    /// <exception cref="UnauthorizedAccessException">It belongs to somebody else.</exception>
    public async Task ChangeAsync(Func<IReadOnlyList<TokenRecord>, IReadOnlyList<TokenRecord>> change, CancellationToken cancel = default)
    {
        using FolderLock held = await FolderLock.TakeAsync(_folder, Patience, _time, cancel);
        FileStamp before = FileStamp.Of(_path);
        IReadOnlyList<TokenRecord> changed = change([.. ReadFile().All]);
        OwnerOnlyFile.Write(_path, TokenFile.Write(changed));
        lock (_reading)
        {
            if (before != _stamp)
            {
                _changes++;
            }

            TakeIn(new TokenSet(changed, _domain), FileStamp.Of(_path));
        }
    }

    // The caller holds _lock.
    private void Note(in NameNote note)
    {
        Volatile.Write(ref _current, Current.With(note, out string? pushedOut));
        _unsaved.Add(note);
        if (pushedOut is not null)
        {
            _unsaved.Remove(note with { Name = pushedOut });
        }
    }

    // The caller holds _reading.
    private void TakeIn(TokenSet tokens, FileStamp stamp)
    {
        _stamp = stamp;
        lock (_lock)
        {
            Volatile.Write(ref _current, _unsaved.AddTo(tokens, _time.GetUtcNow()));
        }
    }

    private FileStamp StampTakenIn()
    {
        lock (_reading)
        {
            return _stamp;
        }
    }

    private TokenSet ReadFile()
    {
        try
        {
            return OutsideFile.Read(_path, TokenFile.MostBytes, content => new TokenSet(TokenFile.Read(content), _domain));
        }
        catch (OutsideFileException error) when (error.IsMissing && StampTakenIn() == default)
        {
            // There never was one.
            return new TokenSet([], _domain);
        }
    }
}
