using System.Diagnostics.Metrics;

namespace Tunnel.Server.Diagnostics;

/// <summary>The server's counters, under the meter <c>Tunnel.Server</c>.</summary>
internal sealed class ServerMetrics : IDisposable
{
    private readonly Meter _meter = new("Tunnel.Server");
    private readonly Counter<long> _requests;
    private readonly Counter<long> _failures;
    private readonly UpDownCounter<long> _visitors;
    private readonly UpDownCounter<long> _sessions;

    public ServerMetrics()
    {
        _requests = _meter.CreateCounter<long>("tunnel.server.requests", description: "Requests whose head was read or refused.");
        _failures = _meter.CreateCounter<long>("tunnel.server.request_failures", description: "Answers the edge gave itself, by code.");
        _visitors = _meter.CreateUpDownCounter<long>("tunnel.server.visitors", description: "Open visitor connections.");
        _sessions = _meter.CreateUpDownCounter<long>("tunnel.server.sessions", description: "Attached sessions.");
    }

    public void RequestStarted() => _requests.Add(1);

    public void RequestFailed(string code) => _failures.Add(1, new KeyValuePair<string, object?>("code", code));

    public void VisitorChanged(int by) => _visitors.Add(by);

    public void SessionChanged(int by) => _sessions.Add(by);

    public void Dispose() => _meter.Dispose();
}
