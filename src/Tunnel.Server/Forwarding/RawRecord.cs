using System.Net;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// What is noted about one raw connection while it runs, for its line in the access log. The first end that is noted
/// holds: what breaks afterwards breaks because of it.
/// </summary>
/// <param name="kind">One of <see cref="Framing.Frames.TunnelTypes"/>.</param>
/// <param name="name">The tunnel's name in the registry.</param>
internal sealed class RawRecord(ForwardingServices services, string kind, string name)
{
    private readonly DateTimeOffset _time = services.Time.GetUtcNow();
    private readonly long _begun = services.Time.GetTimestamp();
    private long? _routed;
    private string? _end;

    /// <summary>Bytes of the visitor that were sent on. Only who sends them adds.</summary>
    public long BytesIn { get; set; }

    /// <summary>Bytes for the visitor. Only who passes them on adds.</summary>
    public long BytesOut { get; set; }

    /// <summary>The name of the token of the agent that has it; null: none has, or one without a token.</summary>
    public string? Token { get; set; }

    /// <summary>It has its session, or will not get one; of several times the last one counts.</summary>
    public void Routed() => _routed = services.Time.GetTimestamp();

    /// <summary>It is over, or about to be. From any thread.</summary>
    /// <param name="how">One of <see cref="RawEnds"/>.</param>
    public void Ended(string how) => Interlocked.CompareExchange(ref _end, how, null);

    /// <summary>Writes the line.</summary>
    public void Write(IPAddress visitor)
    {
        if (services.AccessLog is not { } log)
        {
            return;
        }

        long now = services.Time.GetTimestamp();
        log.Add(new RawEntry
        {
            Time = _time,
            Visitor = visitor.ToString(),
            Kind = kind,
            Name = name,
            BytesIn = BytesIn,
            BytesOut = BytesOut,
            Routing = services.Time.GetElapsedTime(_begun, _routed ?? now),
            Total = services.Time.GetElapsedTime(_begun, now),
            Token = Token,
            End = Volatile.Read(ref _end) ?? RawEnds.Closed,
        });
    }
}
