using Tunnel.Framing.Sessions;
using Tunnel.Server.Routing;
using Tunnel.Transport;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Looks after a request that waits for its answer: once a second, while its session has no link or the time for an answer
/// is over, it wakes the exchange that it belongs to, which alone decides what becomes of the request.
/// </summary>
internal sealed class AnswerWatch : IDeadlineTarget
{
    // Less than the clock's second: every tick is one look.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    private readonly ForwardingServices _services;
    private readonly Deadline _deadline;

    // The exchange's, which changes them only while the deadline is not set; except for the time, which it moves on.
    private ITunnelStream? _stream;
    private IServingSession? _session;
    private long _progress;
    private long _since;

    public AnswerWatch(ForwardingServices services)
    {
        _services = services;
        _deadline = services.Clock.Add(this);
    }

    private bool IsTimeUp => _services.Time.GetElapsedTime(Volatile.Read(ref _since)) >= _services.Options.Visitors.AnswerTime;

    /// <summary>
    /// The exchange begins to read the stream: from now on a cancelled read tells it to look at <see cref="IsLate"/> and at
    /// the session.
    /// </summary>
    public void Begin(ITunnelStream stream, IServingSession session)
    {
        _stream = stream;
        _session = session;
        _progress = 0;
        Volatile.Write(ref _since, _services.Time.GetTimestamp());
        _deadline.Set(Look);
    }

    /// <summary>The answer has begun, or none will come. A read that follows may still be cancelled once.</summary>
    public void End()
    {
        if (_stream is not null)
        {
            _deadline.Clear();
            _stream = null;
            _session = null;
        }
    }

    /// <summary>
    /// The time for an answer is over, and none of the request moved in it either: a long upload is no late answer.
    /// </summary>
    /// <param name="progress">Whatever rises when some of the request moves.</param>
    public bool IsLate(long progress)
    {
        if (!IsTimeUp)
        {
            return false;
        }

        bool hasMoved = progress != _progress;
        _progress = progress;
        if (hasMoved)
        {
            Volatile.Write(ref _since, _services.Time.GetTimestamp());
        }

        return !hasMoved;
    }

    /// <summary>The clock no longer watches.</summary>
    public void Close() => _services.Clock.Remove(_deadline);

    void IDeadlineTarget.OnDeadline()
    {
        if (_session is { IsAttached: false } || IsTimeUp)
        {
            _stream?.Input.CancelPendingRead();
        }

        _deadline.Set(Look);
    }
}
