using System.Buffers;
using System.Text;
using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Http.Heads;

namespace Tunnel.Agent.Console;

/// <summary>
/// What is kept of one exchange for people: request line, status, bytes, time. It is filled in while the exchange runs, and does
/// not change any more once <paramref name="ended"/> has been told of it.
/// </summary>
/// <param name="traffic">The figures of its tunnel; null: they are not kept.</param>
internal sealed class WatchedExchange(in OpenHeader open, TunnelTraffic? traffic, TimeProvider time, Action<WatchedExchange> ended) : IExchangeObserver
{
    /// <summary>Characters of a path that are kept; no terminal shows more.</summary>
    public const int MostTarget = 200;

    // The longest method that is kept, too, and the spaces.
    private const int MostLine = MostTarget + 20;

    private readonly long _since = time.GetTimestamp();
    private readonly VisitorAddress _visitor = open.Visitor;
    private long _sent;
    private long _received;

    public uint TunnelId { get; } = open.TunnelId;

    /// <summary>A connection, not a request.</summary>
    public bool IsRaw { get; } = open.Type == StreamType.Raw;

    public string Method { get; private set; } = "";

    /// <summary>Printable, and cut.</summary>
    public string Target { get; private set; } = "";

    /// <summary>0: the origin did not answer.</summary>
    public int Status { get; private set; }

    /// <summary>The name of why it ended early; empty: it was complete.</summary>
    public string Fault { get; private set; } = "";

    public DateTimeOffset EndedAt { get; private set; }

    public TimeSpan Duration { get; private set; }

    /// <summary>Bytes of content to the origin.</summary>
    public long Sent => _sent;

    /// <summary>Bytes of content from the origin.</summary>
    public long Received => _received;

    public string Visitor => _visitor.ToIPAddress()?.ToString() ?? "unknown";

    void IExchangeObserver.OnRequest(in ReadOnlySequence<byte> start)
    {
        Span<byte> line = stackalloc byte[(int)Math.Min(start.Length, MostLine)];
        start.Slice(0, line.Length).CopyTo(line);
        int method = line.IndexOf((byte)' ');
        if (method < 0)
        {
            return;
        }

        ReadOnlySpan<byte> target = line[(method + 1)..];
        int end = target.IndexOfAny((byte)' ', (byte)'\r');
        target = target[..Math.Min(end < 0 ? target.Length : end, MostTarget)];
        Method = line[..method] is [(byte)'G', (byte)'E', (byte)'T'] ? "GET" : Printable.Of(Encoding.Latin1.GetString(line[..method]));
        Target = Printable.Of(Encoding.Latin1.GetString(target));
    }

    void IExchangeObserver.OnAnswer(ResponseHead head) => Status = head.Status;

    void IExchangeObserver.OnSent(long bytes)
    {
        _sent += bytes;
        traffic?.Passed(bytes);
    }

    void IExchangeObserver.OnReceived(long bytes)
    {
        _received += bytes;
        traffic?.Passed(bytes);
    }

    void IExchangeObserver.OnEnded(ResetCode? code)
    {
        Fault = code?.Name() ?? "";
        Duration = time.GetElapsedTime(_since);
        EndedAt = time.GetLocalNow();

        // How long a connection is open says nothing about how fast the origin is.
        traffic?.Ended(IsRaw || Status is 0 or 101 ? null : Duration);
        ended(this);
    }
}
