using Microsoft.Extensions.Logging;

namespace Tunnel.Agent.Diagnostics;

/// <summary>Every line the agent logs. What the server or the origin sent is made printable before it gets here.</summary>
internal static partial class AgentLog
{
    [LoggerMessage(1, LogLevel.Information, "Connecting to {Server}")]
    public static partial void Connecting(ILogger log, string server);

    [LoggerMessage(2, LogLevel.Information, "Connected to {Server} ({Software})")]
    public static partial void Connected(ILogger log, string server, string software);

    [LoggerMessage(3, LogLevel.Warning, "{Reason} Trying again in {Delay:0.0} s")]
    public static partial void Reconnecting(ILogger log, string reason, double delay);

    [LoggerMessage(4, LogLevel.Error, "The server refused this agent ({Code}): {Message}")]
    public static partial void Refused(ILogger log, string code, string message);

    [LoggerMessage(5, LogLevel.Information, "Stopping: running requests have {Grace:0} s to finish")]
    public static partial void Stopping(ILogger log, double grace);

    [LoggerMessage(6, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger log);

    [LoggerMessage(10, LogLevel.Warning, "The local server at {Origin} cannot be reached: {Reason}")]
    public static partial void OriginUnreachable(ILogger log, string origin, string reason);

    [LoggerMessage(11, LogLevel.Information, "The local server at {Origin} is reachable again")]
    public static partial void OriginReachable(ILogger log, string origin);

    [LoggerMessage(12, LogLevel.Debug, "A request ended early: {Code} {Detail}")]
    public static partial void RequestFailed(ILogger log, string code, string detail);

    [LoggerMessage(13, LogLevel.Error, "A request ended by a fault of the agent")]
    public static partial void RequestFault(ILogger log, Exception error);
}
