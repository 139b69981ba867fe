using System.Text;
using Tunnel.Framing.Sessions;

namespace Tunnel.Server.Routing;

/// <summary>What became of looking a name up.</summary>
internal enum RouteOutcome
{
    Found,

    /// <summary>No such name.</summary>
    NotFound,

    /// <summary>The name was served a moment ago; nobody serves it now.</summary>
    Offline,
}

/// <summary>A tunnel, or why there is none.</summary>
internal readonly record struct Route(RouteOutcome Outcome, ServedTunnel? Tunnel);

/// <summary>
/// The map from public name to the session that serves it. Looking up is asynchronous, because a request may have to
/// wait at its name. Safe from any thread.
/// </summary>
internal sealed class TunnelRegistry(TimeSpan memory, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _names = new(StringComparer.Ordinal);
    private readonly long _start = time.GetTimestamp();
    private TimeSpan _nextSweep;

    /// <summary>Names that are served now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _names.Count(name => name.Value.Tunnel is not null);
            }
        }
    }

    private TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>The tunnel behind a host name.</summary>
    /// <param name="host">Lower-case ASCII, without port and final dot.</param>
    public ValueTask<Route> FindAsync(ReadOnlySpan<byte> host)
    {
        if (host.Length is 0 or > PublicNames.MostBytes)
        {
            return new ValueTask<Route>(new Route(RouteOutcome.NotFound, null));
        }

        Span<char> name = stackalloc char[PublicNames.MostBytes];
        name = name[..Encoding.Latin1.GetChars(host, name)];
        lock (_lock)
        {
            if (!_names.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out Entry? entry))
            {
                return new ValueTask<Route>(new Route(RouteOutcome.NotFound, null));
            }

            return new ValueTask<Route>(entry switch
            {
                { Tunnel: { } tunnel } => new Route(RouteOutcome.Found, tunnel),
                { ForgetAt: var at } when at > Now => new Route(RouteOutcome.Offline, null),
                _ => new Route(RouteOutcome.NotFound, null),
            });
        }
    }

    public bool IsServed(string name)
    {
        lock (_lock)
        {
            return _names.TryGetValue(name, out Entry? entry) && entry.Tunnel is not null;
        }
    }

    /// <summary>
    /// Puts a tunnel on its name. Returns null when done; otherwise who holds the name, and nothing has changed. A tunnel
    /// of the session <paramref name="replaces"/> is no obstacle.
    /// </summary>
    public ServedTunnel? Bind(ServedTunnel tunnel, Session? replaces)
    {
        lock (_lock)
        {
            Sweep();
            if (_names.TryGetValue(tunnel.Name, out Entry? entry) && entry.Tunnel is { } holder && holder.Session != replaces)
            {
                return holder;
            }

            _names[tunnel.Name] = new Entry(tunnel, default);
            return null;
        }
    }

    /// <summary>Takes a tunnel off its name, unless another one has taken its place.</summary>
    public void Unbind(ServedTunnel tunnel)
    {
        lock (_lock)
        {
            if (_names.TryGetValue(tunnel.Name, out Entry? entry) && entry.Tunnel == tunnel)
            {
                _names[tunnel.Name] = new Entry(null, Now + memory);
                Sweep();
            }
        }
    }

    /// <summary>Forgets names that nobody has served for a while; at most once a second, so it stays cheap.</summary>
    private void Sweep()
    {
        TimeSpan now = Now;
        if (now < _nextSweep)
        {
            return;
        }

        _nextSweep = now + TimeSpan.FromSeconds(1);
        foreach ((string name, Entry entry) in _names)
        {
            if (entry.Tunnel is null && entry.ForgetAt <= now)
            {
                _names.Remove(name);
            }
        }
    }

    private sealed record Entry(ServedTunnel? Tunnel, TimeSpan ForgetAt);
}
