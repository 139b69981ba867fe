using Microsoft.Extensions.Logging;
using Tunnel.Agent.Diagnostics;
using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Console;

/// <summary>A line of the log for each request and each raw connection, when it has ended.</summary>
internal sealed class RequestLines(ILogger log, TimeProvider time) : IExchangeWatch
{
    public IExchangeObserver Begin(in OpenHeader open) => new WatchedExchange(open, traffic: null, time, Tell);

    private void Tell(WatchedExchange exchange)
    {
        string fault = exchange.Fault.Length > 0 ? $": {exchange.Fault}" : "";
        if (exchange.IsRaw)
        {
            AgentLog.RawConnection(log, exchange.Duration.TotalSeconds, exchange.Sent, exchange.Received, exchange.Visitor, fault);
        }
        else
        {
            AgentLog.Request(
                log, exchange.Method, exchange.Target, exchange.Status, exchange.Duration.TotalMilliseconds, exchange.Received, exchange.Visitor, fault);
        }
    }
}
