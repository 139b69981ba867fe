using Microsoft.Extensions.Logging;

namespace Tunnel.Server.Diagnostics;

/// <summary>
/// Every line the server logs. What a visitor or an agent sent is made printable before it gets here; no secret gets
/// here at all.
/// </summary>
internal static partial class ServerLog
{
    [LoggerMessage(1, LogLevel.Information, "Listening for visitors on {EndPoints} and for agents on {AgentEndPoints}")]
    public static partial void Listening(ILogger log, string endPoints, string agentEndPoints);

    [LoggerMessage(2, LogLevel.Warning, "{Reason} Using port {Port} for visitors instead; --http-port chooses another")]
    public static partial void PortFallback(ILogger log, string reason, int port);

    [LoggerMessage(3, LogLevel.Information, "Stopping: running requests have {Grace:0} s to finish")]
    public static partial void Stopping(ILogger log, double grace);

    [LoggerMessage(4, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger log);

    [LoggerMessage(5, LogLevel.Warning, "Accepting on {EndPoint} failed ({Error}); trying again in {Rest} ms")]
    public static partial void AcceptFault(ILogger log, System.Net.IPEndPoint endPoint, string error, double rest);

    [LoggerMessage(6, LogLevel.Warning, "Visitor connections are at their limit ({Limit}); {Visitor} was turned away")]
    public static partial void TooManyVisitors(ILogger log, int limit, string visitor);

    [LoggerMessage(7, LogLevel.Warning, "Lines of the access log were lost ({Dropped} so far): {Reason}")]
    public static partial void AccessLogDropped(ILogger log, long dropped, string reason);

    [LoggerMessage(10, LogLevel.Debug, "Answered {Code} ({Status}) to {Visitor}, request {RequestId}")]
    public static partial void RequestFailed(ILogger log, string code, int status, string visitor, string requestId);

    [LoggerMessage(11, LogLevel.Debug, "Cut an answer that had begun ({Code}), request {RequestId}")]
    public static partial void AnswerCut(ILogger log, string code, string requestId);

    [LoggerMessage(12, LogLevel.Error, "A visitor connection ended by a fault of the server")]
    public static partial void ConnectionFault(ILogger log, Exception error);

    [LoggerMessage(20, LogLevel.Information, "Tunnel {Name} is served by the agent at {Agent}")]
    public static partial void TunnelUp(ILogger log, string name, string agent);

    [LoggerMessage(21, LogLevel.Information, "Tunnel {Name} is down: {Reason}")]
    public static partial void TunnelDown(ILogger log, string name, string reason);

    [LoggerMessage(22, LogLevel.Warning, "Refused the agent at {Agent}: {Code}, {Reason}")]
    public static partial void AgentRefused(ILogger log, string agent, string code, string reason);

    [LoggerMessage(23, LogLevel.Warning, "Session of the agent at {Agent} ended by a fault: {Reason}")]
    public static partial void SessionFault(ILogger log, string agent, string reason);

    [LoggerMessage(24, LogLevel.Debug, "A link from {Agent} ended before it became a session")]
    public static partial void LinkUnproved(ILogger log, string agent);

    [LoggerMessage(25, LogLevel.Error, "Serving the agent at {Agent} ended by a fault of the server")]
    public static partial void AgentFault(ILogger log, string agent, Exception error);
}
