using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The live streams of a session: those whose OPEN has entered the link, by id, and those that still wait for it.
/// Guarded by the session's lock.
/// </summary>
internal sealed class StreamTable
{
    private readonly Dictionary<uint, LiveStream> _byId = [];
    private readonly HashSet<LiveStream> _live = [];
    private uint _lastId;

    /// <summary>Live streams, those that wait for their id included.</summary>
    public int Count => _live.Count;

    /// <summary>The live streams as their users know them.</summary>
    public IEnumerable<TunnelStream> Lives => _live.Select(static stream => stream.Life);

    /// <summary>Live streams whose OPEN has no place in the sequence yet.</summary>
    public int Unopened { get; private set; }

    public bool IdsAreExhausted => _lastId >= ProtocolLimits.LastStreamId;

    public void Add(LiveStream stream)
    {
        _live.Add(stream);
        if (stream.Id != 0)
        {
            _byId.Add(stream.Id, stream);
        }
        else
        {
            Unopened++;
        }
    }

    /// <summary>The opener's next id, given to a stream whose OPEN is taken now.</summary>
    public void AssignId(LiveStream stream)
    {
        _lastId += 2;
        stream.SetId(_lastId);
        _byId.Add(_lastId, stream);
        Unopened--;
    }

    /// <summary>As if ids up to this one were used up: what takes a year otherwise.</summary>
    internal void StartAt(uint lastId) => _lastId = lastId;

    /// <summary>An id the peer opens.</summary>
    /// <exception cref="ProtocolViolationException">It is odd, or not higher than the last.</exception>
    public void AcceptId(uint id)
    {
        if ((id & 1) != 0 || id <= _lastId)
        {
            throw new ProtocolViolationException(CloseCode.BadStreamId, $"OPEN with id {id} after {_lastId}.");
        }

        _lastId = id;
    }

    /// <summary>Null when the stream is closed.</summary>
    /// <exception cref="ProtocolViolationException">The id was never opened.</exception>
    public LiveStream? Find(uint id)
    {
        if (_byId.TryGetValue(id, out LiveStream? stream))
        {
            return stream;
        }

        return (id & 1) == 0 && id <= _lastId
            ? null
            : throw new ProtocolViolationException(CloseCode.BadStreamId, $"A frame for stream {id}, which was never opened.");
    }

    /// <summary>A second time does nothing.</summary>
    public void Remove(LiveStream stream)
    {
        if (!_live.Remove(stream))
        {
            return;
        }

        if (stream.Id != 0)
        {
            _byId.Remove(stream.Id);
        }
        else
        {
            Unopened--;
        }
    }
}
