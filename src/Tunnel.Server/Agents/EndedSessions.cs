namespace Tunnel.Server.Agents;

/// <summary>Why recent sessions ended that an agent knows of, for the one that tries to resume its own. Bounded; safe from any thread.</summary>
internal sealed class EndedSessions
{
    public const int Most = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _reasons = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();

    public void Add(string session, string reason)
    {
        lock (_lock)
        {
            if (_reasons.TryAdd(session, reason))
            {
                _order.Enqueue(session);
                if (_order.Count > Most)
                {
                    _reasons.Remove(_order.Dequeue());
                }
            }
        }
    }

    /// <summary>Null when nothing is known of it.</summary>
    public string? Find(string session)
    {
        lock (_lock)
        {
            return _reasons.GetValueOrDefault(session);
        }
    }
}
