using Microsoft.Extensions.Logging;
using Tunnel.Agent.Diagnostics;

namespace Tunnel.Agent.Local;

/// <summary>What every exchange with the origin needs and none owns.</summary>
internal sealed record OriginServices(AgentOptions Options, OriginPool Pool, OriginMemory Memory, OriginFaultLog Faults, ILogger Log)
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
