using Microsoft.Extensions.Logging;

namespace Tunnel.Agent.Local;

/// <summary>What every exchange with the origin needs and none owns.</summary>
internal sealed record OriginServices(AgentOptions Options, OriginPool Pool, OriginMemory Memory, OriginFaultLog Faults, ILogger Log);
