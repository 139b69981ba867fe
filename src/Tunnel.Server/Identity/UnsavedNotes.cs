namespace Tunnel.Server.Identity;

/// <summary>
/// Notes that hold in this process and are not on the disk yet, in the order of their coming, the last word on each name alone. So
/// there are never more than the tokens' own lists hold, also while the disk takes nothing. Guarded by the store's lock.
/// </summary>
internal sealed class UnsavedNotes
{
    private readonly LinkedList<NameNote> _inOrder = new();
    private readonly Dictionary<(string TokenId, string Name, NameNoteKind Kind), LinkedListNode<NameNote>> _byName = [];
    private readonly Dictionary<string, int> _rights = new(StringComparer.Ordinal);

    public int Count => _inOrder.Count;

    public void Add(in NameNote note)
    {
        Remove(note);
        _byName[KeyOf(note)] = _inOrder.AddLast(note);
        if (note.IsRight)
        {
            _rights[note.TokenId] = _rights.GetValueOrDefault(note.TokenId) + 1;
        }
    }

    /// <summary>Takes out what is said of the same name in the same matter.</summary>
    public void Remove(in NameNote note)
    {
        if (_byName.Remove(KeyOf(note), out LinkedListNode<NameNote>? node))
        {
            TakeOut(node);
        }
    }

    /// <summary>These are on the disk. What has come since about the same names stays.</summary>
    public void Saved(IEnumerable<NameNote> notes)
    {
        foreach (NameNote note in notes)
        {
            if (_byName.TryGetValue(KeyOf(note), out LinkedListNode<NameNote>? node) && node.Value == note)
            {
                Remove(note);
            }
        }
    }

    /// <summary>Whether something that this token was given, or has given up, waits for the disk.</summary>
    public bool HasRightOf(string tokenId) => _rights.ContainsKey(tokenId);

    /// <summary>
    /// What others wrote, and these notes. The others come first: a name that became somebody else's meanwhile is not ours any more,
    /// and the note is dropped.
    /// </summary>
    public TokenSet AddTo(TokenSet tokens, DateTimeOffset now)
    {
        foreach (NameNote note in ToArray())
        {
            bool isLost = note.Kind == NameNoteKind.Claimed
                && !(tokens.Find(note.TokenId) is { } token && FirstClaims.MayKeep(tokens, token, note.Name, now, out _));
            if (isLost)
            {
                Remove(note);
            }
            else
            {
                tokens = tokens.With(note, out _);
            }
        }

        return tokens;
    }

    public NameNote[] ToArray() => [.. _inOrder];

    private void TakeOut(LinkedListNode<NameNote> node)
    {
        _inOrder.Remove(node);
        string token = node.Value.TokenId;
        if (node.Value.IsRight && --_rights[token] == 0)
        {
            _rights.Remove(token);
        }
    }

    // Passthrough or not is one thing about a name, whoever says it.
    private static (string TokenId, string Name, NameNoteKind Kind) KeyOf(in NameNote note) => note.Kind switch
    {
        NameNoteKind.Passthrough or NameNoteKind.Terminated => ("", note.Name, NameNoteKind.Passthrough),
        _ => (note.TokenId, note.Name, note.Kind),
    };
}
