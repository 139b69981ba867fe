namespace Tunnel.Server.Routing;

/// <summary>The names of which something was said last; beyond the most there may be the oldest is forgotten. Guarded by the registry's lock.</summary>
internal sealed class RememberedNames(int most)
{
    private readonly Dictionary<string, LinkedListNode<string>> _names = new(StringComparer.Ordinal);
    private readonly LinkedList<string> _inOrder = new();

    public bool Contains(ReadOnlySpan<char> name) => _names.GetAlternateLookup<ReadOnlySpan<char>>().ContainsKey(name);

    /// <summary>Remembers a name as the latest, or forgets it.</summary>
    public void Set(string name, bool isRemembered)
    {
        if (_names.Remove(name, out LinkedListNode<string>? old))
        {
            _inOrder.Remove(old);
        }

        if (isRemembered)
        {
            _names.Add(name, _inOrder.AddLast(name));
            if (_names.Count > most)
            {
                _names.Remove(_inOrder.First!.Value);
                _inOrder.RemoveFirst();
            }
        }
    }
}
