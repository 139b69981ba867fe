using System.Buffers;

namespace Tunnel.Agent.Local;

/// <summary>Where a stream of a session leads to.</summary>
internal interface ITunnels
{
    /// <summary>What serves the tunnel of this number; null: there is none.</summary>
    public IServedTunnel? Find(uint id);

    /// <summary>Connections with a visitor's login on them, of every origin.</summary>
    public void EndTied(ConnectionTie tie);

    /// <summary>The same for all that a session's visitors had.</summary>
    public void EndTied(OriginPlayer session);
}

/// <summary>A tunnel as requests meet it.</summary>
internal interface IServedTunnel
{
    /// <summary>Its streams are connections, byte for byte, not requests.</summary>
    public bool IsRaw { get; }

    /// <summary>The origin, unless it depends on the path.</summary>
    public OriginServices Origin { get; }

    /// <summary>Other parts of the name have other origins, so that a request's line decides.</summary>
    public bool HasPaths { get; }

    /// <summary>The origin for a request's target.</summary>
    public OriginServices OriginOf(ReadOnlySequence<byte> target);
}
