using System.Diagnostics.Metrics;
using Tunnel.Framing.Sessions;

namespace Tunnel.Server.Diagnostics;

/// <summary>The server's counters, under the meter <c>Tunnel.Server</c>.</summary>
internal sealed class ServerMetrics : IDisposable
{
    /// <summary>An event thread that takes longer to hear of something was held up.</summary>
    private static readonly TimeSpan Stall = TimeSpan.FromMilliseconds(100);

    private readonly Meter _meter = new("Tunnel.Server");
    private readonly Counter<long> _requests;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _repeats;
    private readonly UpDownCounter<long> _visitors;
    private readonly UpDownCounter<long> _sessions;
    private readonly Histogram<double> _threadDelay;
    private readonly Counter<long> _threadStalls;

    public ServerMetrics()
    {
        _requests = _meter.CreateCounter<long>("tunnel.server.requests", description: "Requests whose head was read or refused.");
        _failures = _meter.CreateCounter<long>("tunnel.server.request_failures", description: "Answers the edge gave itself, by code.");
        _repeats = _meter.CreateCounter<long>("tunnel.server.request_repeats", description: "Requests sent to a second session, because the first was lost with them.");
        _visitors = _meter.CreateUpDownCounter<long>("tunnel.server.visitors", description: "Open visitor connections.");
        _sessions = _meter.CreateUpDownCounter<long>("tunnel.server.sessions", description: "Attached sessions.");
        _threadDelay = _meter.CreateHistogram<double>(
            "tunnel.server.event_thread_delay", "s", "How long an event thread took to hear of a ring; each is rung for once a second.");
        _threadStalls = _meter.CreateCounter<long>("tunnel.server.event_thread_stalls", description: "Delays of more than 100 ms among these.");
    }

    /// <summary>
    /// Each connected session's account: streams open now, opened, broken off by us and by the agent. The agent's address
    /// tells them apart.
    /// </summary>
    /// <param name="sessions">Those there are, with the addresses of their agents.</param>
    public void Observe(Func<IEnumerable<(string Agent, Session Session)>> sessions)
    {
        Watch("open", "Requests under way.", static session => session.OpenStreams);
        Watch("opened", "Requests sent to the agent since its session began.", static session => session.Account.Opened);
        Watch("reset_by_edge", "Of these, broken off here: the visitor left, or a fault.", static session => session.Account.ResetHere);
        Watch("reset_by_agent", "Of these, broken off by the agent.", static session => session.Account.ResetByPeer);

        void Watch(string name, string description, Func<Session, long> value) => _meter.CreateObservableGauge(
            $"tunnel.server.session_streams.{name}",
            () => sessions().Select(one => new Measurement<long>(
                value(one.Session), new KeyValuePair<string, object?>("agent", one.Agent))),
            description: description);
    }

    public void RequestStarted() => _requests.Add(1);

    public void RequestFailed(string code) => _failures.Add(1, new KeyValuePair<string, object?>("code", code));

    public void RequestRepeated() => _repeats.Add(1);

    public void VisitorChanged(int by) => _visitors.Add(by);

    public void SessionChanged(int by) => _sessions.Add(by);

    public void EventThreadHeard(TimeSpan after)
    {
        _threadDelay.Record(after.TotalSeconds);
        if (after > Stall)
        {
            _threadStalls.Add(1);
        }
    }

    public void Dispose() => _meter.Dispose();
}
