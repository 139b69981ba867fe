using Microsoft.Extensions.Logging;

namespace Tunnel.Agent.Diagnostics;

/// <summary>
/// Every line the agent logs. What the server or the origin sent is made printable before it gets here. Warnings and errors end
/// with their code in brackets (docs/errors.md).
/// </summary>
internal static partial class AgentLog
{
    [LoggerMessage(1, LogLevel.Information, "Connecting to {Server}")]
    public static partial void Connecting(ILogger log, string server);

    [LoggerMessage(2, LogLevel.Information, "Connected to {Server} ({Software})")]
    public static partial void Connected(ILogger log, string server, string software);

    [LoggerMessage(3, LogLevel.Warning, "Offline: {Reason} Trying again in {Delay:0.0} s [{Code}]")]
    public static partial void Reconnecting(ILogger log, string reason, double delay, string code);

    [LoggerMessage(4, LogLevel.Error, "The server refused this agent ({Code}): {Message} [{Code}]")]
    public static partial void Refused(ILogger log, string code, string message);

    [LoggerMessage(31, LogLevel.Error, "This agent does not trust the server at {Server}, and gives up: {Reason} [server-not-trusted]")]
    public static partial void ServerNotTrusted(ILogger log, string server, string reason);

    [LoggerMessage(32, LogLevel.Information, "{Reason} The next session begins in {Delay:0.0} s, and requests wait for it")]
    public static partial void Moving(ILogger log, string reason, double delay);

    [LoggerMessage(5, LogLevel.Information, "Stopping: running requests have {Grace:0} s to finish")]
    public static partial void Stopping(ILogger log, double grace);

    [LoggerMessage(6, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger log);

    [LoggerMessage(33, LogLevel.Warning, "The server has taken the name of the tunnel {Tunnel} away from this agent: {Reason} [{Code}]")]
    public static partial void TunnelLost(ILogger log, string tunnel, string reason, string code);

    [LoggerMessage(34, LogLevel.Warning, "The tunnel {Tunnel} was refused: {Reason} Trying again in {Delay:0.0} s; the others go on [{Code}]")]
    public static partial void TunnelRefused(ILogger log, string tunnel, string reason, double delay, string code);

    [LoggerMessage(35, LogLevel.Warning, "The tunnel {Tunnel} goes on as it was; what is wanted now was refused: {Reason} [{Code}]")]
    public static partial void TunnelNotChanged(ILogger log, string tunnel, string reason, string code);

    [LoggerMessage(10, LogLevel.Warning, "The local server at {Origin} cannot be reached: {Reason} [{Code}]")]
    public static partial void OriginUnreachable(ILogger log, string origin, string reason, string code);

    [LoggerMessage(11, LogLevel.Information, "The local server at {Origin} is reachable again")]
    public static partial void OriginReachable(ILogger log, string origin);

    [LoggerMessage(23, LogLevel.Warning, "The certificate of the local server at {Origin} is not checked (--local-insecure): whoever can take its place can read and change everything [origin-unchecked]")]
    public static partial void OriginUnchecked(ILogger log, string origin);

    [LoggerMessage(30, LogLevel.Warning, "The local server at {Origin} failed a request: {Reason} [{Code}]")]
    public static partial void OriginFault(ILogger log, string origin, string reason, string code);

    [LoggerMessage(36, LogLevel.Warning, "The local server at {Origin} refuses the public name, as {Framework} does: {Cure} [host-blocked]")]
    public static partial void HostBlocked(ILogger log, string origin, string framework, string cure);

    [LoggerMessage(12, LogLevel.Debug, "A request ended early: {Detail} [{Code}]")]
    public static partial void RequestFailed(ILogger log, string detail, string code);

    [LoggerMessage(37, LogLevel.Information, "{Method} {Target} {Status} in {Duration:0.0} ms, {Size} bytes, for {Visitor}{Fault}")]
    public static partial void Request(ILogger log, string method, string target, int status, double duration, long size, string visitor, string fault);

    [LoggerMessage(38, LogLevel.Information, "A raw connection of {Duration:0.0} s, {Sent} bytes to the local server and {Received} from it, for {Visitor}{Fault}")]
    public static partial void RawConnection(ILogger log, double duration, long sent, long received, string visitor, string fault);

    [LoggerMessage(13, LogLevel.Error, "A request ended by a fault of the agent [internal-error]")]
    public static partial void RequestFault(ILogger log, Exception error);

    [LoggerMessage(16, LogLevel.Warning, "A login that lives on its connection (NTLM, Negotiate) came without a visitor's connection of its own, because a proxy in front of the server sends many people over one: connections to the local server that carry such a login are closed behind each answer, and NTLM cannot work this way (said once) [login-by-proxy]")]
    public static partial void LoginOfMany(ILogger log);

    [LoggerMessage(20, LogLevel.Warning, "{Warning} [token-exposed]")]
    public static partial void TokenIsOpen(ILogger log, string warning);

    [LoggerMessage(21, LogLevel.Information, "The stored token is for {Server} and is not shown to another server")]
    public static partial void StoredTokenUnused(ILogger log, string server);

    [LoggerMessage(22, LogLevel.Warning, "The link is not encrypted (--plaintext): whoever is on the way can read and change everything, the token included [plaintext]")]
    public static partial void Plaintext(ILogger log);

    [LoggerMessage(7, LogLevel.Warning, "Reconnecting, requests wait: {Reason} Trying again in {Delay:0.0} s [{Code}]")]
    public static partial void Resuming(ILogger log, string reason, double delay, string code);

    [LoggerMessage(8, LogLevel.Information, "Connected to {Server} again; requests go on where they were")]
    public static partial void Resumed(ILogger log, string server);

    [LoggerMessage(9, LogLevel.Error, "A session ended by a fault of the agent [internal-error]")]
    public static partial void SessionFault(ILogger log, Exception error);

    [LoggerMessage(14, LogLevel.Warning, "Nothing can be kept in {Folder}: after a crash this agent may have to wait some seconds for its name. --state-dir names another folder [instance-not-kept]")]
    public static partial void InstanceNotKept(ILogger log, string folder);

    [LoggerMessage(15, LogLevel.Error, "The news that the tunnel is up could not be told [internal-error]")]
    public static partial void NewsFault(ILogger log, Exception error);

    [LoggerMessage(50, LogLevel.Information, "SIGHUP: this agent runs without a settings file, so there is nothing to reload; it goes on as it is")]
    public static partial void NothingToReload(ILogger log);

    [LoggerMessage(51, LogLevel.Warning, "This process may open {Limit} files and connections, and {Requests} requests at a time need {Needed}: beyond the limit visitors get too-busy. Raise it (systemd: LimitNOFILE=, docker: --ulimit nofile=, a shell: ulimit -Hn) [few-descriptors]")]
    public static partial void FewDescriptors(ILogger log, long limit, long requests, long needed);

    [LoggerMessage(52, LogLevel.Warning, "Visitors get too-busy: {Reason} [too-busy]")]
    public static partial void TooBusy(ILogger log, string reason);

    [LoggerMessage(53, LogLevel.Information, "Tunnel {Tunnel}: added, for {Origin}")]
    public static partial void TunnelAdded(ILogger log, string tunnel, string origin);

    [LoggerMessage(54, LogLevel.Information, "Tunnel {Tunnel}: dropped; requests that run may finish")]
    public static partial void TunnelDropped(ILogger log, string tunnel);

    [LoggerMessage(55, LogLevel.Information, "Tunnel {Tunnel}: changed, for {Origin}; requests that run go on as they were")]
    public static partial void TunnelUpdated(ILogger log, string tunnel, string origin);

    [LoggerMessage(56, LogLevel.Information, "{File} says what it said before")]
    public static partial void NothingChanged(ILogger log, string file);

    [LoggerMessage(57, LogLevel.Warning, "{Setting} has changed in the settings file; it takes effect at the next start [restart-needed]")]
    public static partial void SettingWaits(ILogger log, string setting);

    [LoggerMessage(58, LogLevel.Error, "The settings file is not taken, and nothing has changed: {Fault} [settings-wrong]")]
    public static partial void FileNotTaken(ILogger log, string fault);

    [LoggerMessage(59, LogLevel.Warning, "'tunnel-agent status', reload and stop do not find this agent: {Reason} [control-unavailable]")]
    public static partial void NoControl(ILogger log, string reason);
}
