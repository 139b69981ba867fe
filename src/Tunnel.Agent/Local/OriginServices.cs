using Microsoft.Extensions.Logging;
using Tunnel.Agent.Diagnostics;
using Tunnel.Http.Heads;

namespace Tunnel.Agent.Local;

/// <summary>One origin, and what every exchange with it needs and none owns.</summary>
internal sealed record OriginServices(OriginOptions Options, HttpLimits Http, OriginPool Pool, OriginMemory Memory, OriginFaultLog Faults, ILogger Log)
{
    private int _hasToldOfLogin;

    /// <summary>A connection was closed because a login may live on it that is nobody's; said once, because it does not change.</summary>
    public void TellOfLogin()
    {
        if (Interlocked.Exchange(ref _hasToldOfLogin, 1) == 0)
        {
            AgentLog.LoginOfMany(Log);
        }
    }
}
