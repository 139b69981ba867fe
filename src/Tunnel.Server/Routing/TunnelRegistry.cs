using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Identity;
using Tunnel.Transport;

namespace Tunnel.Server.Routing;

/// <summary>
/// The map from public name to the sessions that serve it, and the way to one of them. Safe from any thread; no stream is
/// opened with the lock held.
/// </summary>
internal sealed class TunnelRegistry : IDisposable
{
    /// <summary>A session that says it has room and takes nothing is asked this often, until the next occasion.</summary>
    internal const int MostFailures = 3;

    private readonly WaitingLimits _hold;
    private readonly RegistryClock _time;
    private readonly Lock _lock = new();

    // Guarded by the lock; what waits is guarded by it too.
    private readonly NameTable _names;
    private readonly WaitingRequests _waiting;

    /// <param name="isOwned">Whether the name is known to be that of somebody who is not here.</param>
    public TunnelRegistry(WaitingLimits hold, Func<string, bool> isOwned, TimeProvider time, DeadlineClock clock)
    {
        _hold = hold;
        _time = new RegistryClock(time);
        _names = new NameTable(hold.NameMemory);
        _waiting = new WaitingRequests(hold, isOwned, _names, _lock, _time, clock);
    }

    /// <summary>Names that are served now, by a session with or without a link.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _names.Served;
            }
        }
    }

    /// <summary>Requests that wait at their names.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>The clock of <see cref="RouteRequest.ArrivedAt"/>.</summary>
    public TimeSpan Now => _time.Now;

    /// <summary>The type of the tunnel that serves a name, or served it a moment ago; null: the name is unknown.</summary>
    public string? TypeOf(string name)
    {
        lock (_lock)
        {
            return _names.TypeOf(name, Now);
        }
    }

    /// <inheritdoc cref="NameTable.HasWaitingPage"/>
    /// <param name="host">Lower-case ASCII, without port and final dot.</param>
    public bool HasWaitingPage(ReadOnlySpan<byte> host)
    {
        if (host.Length is 0 or > PublicNames.MostBytes)
        {
            return false;
        }

        Span<char> name = stackalloc char[PublicNames.MostBytes];
        name = name[..Encoding.Latin1.GetChars(host, name)];
        lock (_lock)
        {
            return _names.HasWaitingPage(name);
        }
    }

    public bool IsServed(string name) => FindEntry(name) is { Tunnels.Count: > 0 };

    /// <summary>Everybody who has the name at this moment.</summary>
    public IReadOnlyList<ServedTunnel> HoldersOf(string name)
    {
        lock (_lock)
        {
            return [.. _names.Find(name)?.Tunnels ?? []];
        }
    }

    /// <summary>Whether a request that came then has waited for a session as long as it may.</summary>
    public bool IsOverdue(TimeSpan arrivedAt) => Now - arrivedAt >= _hold.Time;

    /// <summary>Whether another session serves this tunnel's name.</summary>
    /// <param name="nowOnly">It has a link and room; otherwise one that may soon have is enough.</param>
    public bool IsServedBeside(ServedTunnel tunnel, bool nowOnly)
    {
        lock (_lock)
        {
            return _names.Find(tunnel.Name) is { } entry && entry.Tunnels.Exists(other =>
                other.Session != tunnel.Session && other.Type == tunnel.Type && (nowOnly ? other.Session.HasRoom : !other.Session.IsLeaving));
        }
    }

    /// <summary>
    /// A stream to a session behind a host name, at once if there is one that takes it. When the request has to wait,
    /// <paramref name="held"/> is it: its task brings the outcome, <see cref="WaitingRequest.Cancel"/> takes it out of the row.
    /// </summary>
    /// <param name="host">Lower-case ASCII, without port and final dot.</param>
    public Route Find(ReadOnlySpan<byte> host, in RouteRequest request, out WaitingRequest? held)
    {
        held = null;
        if (host.Length is 0 or > PublicNames.MostBytes)
        {
            return new Route(RouteOutcome.NotFound);
        }

        Span<char> name = stackalloc char[PublicNames.MostBytes];
        name = name[..Encoding.Latin1.GetChars(host, name)];
        RouteOutcome? otherwise;
        bool? isOwned = null;
        for (int failed = 0; ; failed++)
        {
            ServedTunnel? tunnel;
            lock (_lock)
            {
                NameEntry? entry = _names.Find(name);

                // Who waits already goes first.
                ServedTunnel? chosen = entry is { Waiting: 0 } && failed < MostFailures ? entry.Choose(request, Now) : null;
                if (chosen is null && (isOwned is not null || !_waiting.AsksForOwner(entry)))
                {
                    if (entry?.Guard is { } guard && guard != request.AdmittedBy && entry.Type == request.Type)
                    {
                        return new Route(RouteOutcome.Guarded) { Guard = guard };
                    }

                    bool goesFirst = entry?.GoesFirst(request, Now) ?? false;
                    held = _waiting.TryHold(entry, name, isOwned ?? false, request with { GoesFirst = goesFirst }, out otherwise);
                    break;
                }

                tunnel = chosen;
            }

            if (tunnel is null)
            {
                isOwned = _waiting.IsOwned(name);
                failed--;
            }
            else if (tunnel.TryOpen(request) is { } found)
            {
                return found;
            }
        }

        if (held is null)
        {
            return _waiting.Refuse(otherwise, new string(name));
        }

        // Room may have come about a moment before the request stood in the row.
        _waiting.Began(held);
        return default;
    }

    /// <summary>
    /// Puts tunnels on their names, all or none. True: <paramref name="others"/> had to give way, and those of them whose
    /// sessions are not leaving are to be closed. False: <paramref name="others"/> stand in the way, and nothing changed.
    /// </summary>
    public bool TryClaim(IReadOnlyList<ServedTunnel> tunnels, out IReadOnlyList<ServedTunnel> others)
    {
        lock (_lock)
        {
            TimeSpan now = Now;
            _names.Sweep(now);
            return _names.TryClaim(tunnels, now, out others);
        }
    }

    /// <summary>A claim is given up: whoever gave way has the names again, and requests that wait there are let through to it.</summary>
    public void TakeBack(IReadOnlyList<ServedTunnel> tunnels, IReadOnlyList<ServedTunnel> others)
    {
        lock (_lock)
        {
            _names.TakeBack(tunnels, others, Now);
        }

        foreach (ServedTunnel other in others)
        {
            Release(other.Name);
        }
    }

    /// <summary>Takes a tunnel off its name; requests that wait there go on waiting for the next.</summary>
    public void Unbind(ServedTunnel tunnel)
    {
        lock (_lock)
        {
            TimeSpan now = Now;
            tunnel.IsOver = true;
            _names.Remove(tunnel, now);
            _names.Sweep(now);
        }
    }

    /// <summary>A session may have room now: requests that wait at this name are let through, the oldest first.</summary>
    public void Release(string name)
    {
        // A glance: somebody who begins to wait in this moment looks for room himself.
        if (_waiting.Count > 0 && FindEntry(name) is { } entry)
        {
            _waiting.Release(entry);
        }
    }

    /// <summary>
    /// The visitor's connection that a login lived on has ended: its agent is told, if it can be. Otherwise that finds out by
    /// its own limits.
    /// </summary>
    public void EndLogin(ConnectionLogin? login)
    {
        if (login?.Tunnel is not { } tunnel)
        {
            return;
        }

        lock (_lock)
        {
            if (_names.Find(tunnel.Name) is not { } entry || !entry.Tunnels.Contains(tunnel))
            {
                return;
            }
        }

        var news = new OpenHeader(StreamType.Http, VisitorScheme.None, tunnel.Id, default, AnswerWindow: 0, RequestTraits.ConnectionEnded)
        {
            Connection = login.Number,
        };
        using ITunnelStream? stream = tunnel.Session.TryOpen(news);
        stream?.Output.Complete();
    }

    /// <summary>The server stops: nobody waits any more.</summary>
    public void StopWaiting() => _waiting.Stop();

    public void Dispose() => _waiting.Dispose();

    private NameEntry? FindEntry(string name)
    {
        lock (_lock)
        {
            return _names.Find(name);
        }
    }
}
