using System.Buffers;
using System.Collections.Immutable;
using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Tunnels;

/// <summary>How a tunnel stands.</summary>
public enum TunnelState
{
    /// <summary>The server has not answered yet, or there is none.</summary>
    Waiting,

    /// <summary>The server has refused it; it is asked again by and by.</summary>
    Refused,

    /// <summary>It can be used, over one session at least.</summary>
    Online,
}

/// <summary>What can be said of a tunnel at any moment.</summary>
/// <param name="Url">What visitors type; empty: it was not online yet.</param>
/// <param name="Reason">Why it was refused; empty: it was not.</param>
public sealed record TunnelStatus(TunnelState State, string Url = "", string Reason = "");

/// <summary>
/// One tunnel of the running agent, and the origins behind it. What it is changes only by another object with the same
/// number in its place. Safe from any thread.
/// </summary>
internal sealed class AgentTunnel(uint id, TunnelOptions options, OriginServices origin, ImmutableArray<(string Prefix, OriginServices Origin)> paths)
    : IServedTunnel
{
    private readonly Lock _lock = new();
    private volatile string? _heldName;
    private volatile TunnelStatus _status = new(TunnelState.Waiting);
    private int _sessions;

    /// <summary>The agent's number for it, in BIND and OPEN.</summary>
    public uint Id => id;

    public TunnelOptions Options => options;

    public OriginServices Origin => origin;

    public bool HasPaths => !paths.IsEmpty;

    public bool IsRaw => options.Protocol != TunnelTypes.Http;

    /// <summary>The name that was granted; null until one was. A name that the server chose stays ours.</summary>
    public string? HeldName
    {
        get => _heldName;
        set => _heldName = value;
    }

    public TunnelStatus Status
    {
        get => _status;
        init => _status = value;
    }

    /// <summary>Every session asks for the same name, so the first one must know it.</summary>
    public bool HasName => HeldName is not null || options.Subdomain is not null || options.Hostname is not null || options.RemotePort is not null;

    /// <summary>What the server is asked.</summary>
    public TunnelRequest Request => WantedTunnel.Of(id, options, HeldName);

    /// <summary>Every origin of the tunnel.</summary>
    public IEnumerable<OriginServices> Origins => [origin, .. paths.Select(path => path.Origin)];

    /// <summary>As a person knows it in a line of a log.</summary>
    public string Title => options.Name.Length > 0 ? options.Name : options.OriginText;

    /// <summary>It can be used over one more session.</summary>
    public void Came(string url)
    {
        lock (_lock)
        {
            _sessions++;
            _status = new TunnelStatus(TunnelState.Online, url);
        }
    }

    /// <summary>It can be used over one session less.</summary>
    /// <param name="reason">Empty: the session has ended, or other settings are wanted.</param>
    public void Went(string reason)
    {
        lock (_lock)
        {
            if (--_sessions == 0)
            {
                _status = new TunnelStatus(reason.Length > 0 ? TunnelState.Refused : TunnelState.Waiting, _status.Url, reason);
            }
        }
    }

    /// <summary>A session may not serve it.</summary>
    public void Refuse(string reason)
    {
        lock (_lock)
        {
            if (_sessions == 0)
            {
                _status = new TunnelStatus(TunnelState.Refused, _status.Url, reason);
            }
        }
    }

    public OriginServices OriginOf(ReadOnlySequence<byte> target)
    {
        // The longest prefix comes first.
        foreach ((string prefix, OriginServices part) in paths)
        {
            if (RequestTarget.IsBelow(target, prefix))
            {
                return part;
            }
        }

        return origin;
    }
}
