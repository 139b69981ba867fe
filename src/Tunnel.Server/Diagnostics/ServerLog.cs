using Microsoft.Extensions.Logging;

namespace Tunnel.Server.Diagnostics;

/// <summary>
/// Every line the server logs. What a visitor or an agent sent is made printable before it gets here; no secret gets
/// here at all. Warnings and errors end with their code in brackets (docs/errors.md).
/// </summary>
internal static partial class ServerLog
{
    [LoggerMessage(1, LogLevel.Information, "Listening for visitors on {EndPoints} and for agents on {AgentEndPoints}")]
    public static partial void Listening(ILogger log, string endPoints, string agentEndPoints);

    [LoggerMessage(2, LogLevel.Warning, "{Reason} Using port {Port} for visitors instead; --{Scheme}-port chooses another [port-fallback]")]
    public static partial void PortFallback(ILogger log, string reason, int port, string scheme);

    [LoggerMessage(3, LogLevel.Information, "Stopping: running requests have {Grace:0} s to finish")]
    public static partial void Stopping(ILogger log, double grace);

    [LoggerMessage(4, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger log);

    [LoggerMessage(5, LogLevel.Warning, "Accepting on {EndPoint} failed ({Error}); trying again in {Rest} ms [accept-failed]")]
    public static partial void AcceptFault(ILogger log, System.Net.IPEndPoint endPoint, string error, double rest);

    [LoggerMessage(6, LogLevel.Warning, "{Visitor} was turned away: there are {Count} visitor connections in all, {OwnCount} of them from there (limits: {Limit} and {OwnLimit}) [too-many-visitors]")]
    public static partial void TooManyVisitors(ILogger logger, string visitor, int count, int ownCount, int limit, int ownLimit);

    [LoggerMessage(7, LogLevel.Warning, "Lines of the access log were lost ({Dropped} so far): {Reason} [access-log-lost]")]
    public static partial void AccessLogDropped(ILogger log, long dropped, string reason);

    [LoggerMessage(10, LogLevel.Debug, "Answered {Code} ({Status}) to {Visitor}, request {RequestId}")]
    public static partial void RequestFailed(ILogger log, string code, int status, string visitor, string requestId);

    [LoggerMessage(11, LogLevel.Debug, "Cut an answer that had begun ({Code}), request {RequestId}")]
    public static partial void AnswerCut(ILogger log, string code, string requestId);

    [LoggerMessage(12, LogLevel.Error, "A visitor connection ended by a fault of the server [internal-error]")]
    public static partial void ConnectionFault(ILogger log, Exception error);

    [LoggerMessage(13, LogLevel.Debug, "The TLS handshake with {Visitor} failed: {Reason}")]
    public static partial void HandshakeFailed(ILogger log, string visitor, string reason);

    [LoggerMessage(14, LogLevel.Warning, "Closed a connection from {Proxy}, which is a trusted proxy: it did not begin with a PROXY header. Switch on its PROXY protocol, or leave out --accept-proxy-protocol [proxy-header-missing]")]
    public static partial void ProxyHeaderMissing(ILogger log, string proxy);

    [LoggerMessage(15, LogLevel.Warning, "Closed a connection from {Visitor}: it began with a PROXY header, and its sender is not a --trusted-proxy [proxy-header-refused]")]
    public static partial void ProxyHeaderRefused(ILogger log, string visitor);

    [LoggerMessage(16, LogLevel.Warning, "A login at {Name} that lives on its connection (NTLM, Negotiate) came from the trusted proxy {Proxy}, whose connections carry many people: nobody gets a connection of the local server that is logged in, and NTLM fails. Use another kind of login there, or let visitors connect to this server directly [login-by-proxy]")]
    public static partial void LoginByProxy(ILogger log, string name, string proxy);

    [LoggerMessage(60, LogLevel.Debug, "The agent that had request {RequestId} is lost; it goes to another session")]
    public static partial void RequestRepeated(ILogger log, string requestId);

    [LoggerMessage(20, LogLevel.Information, "Tunnel {Name} is served by the agent at {Agent}")]
    public static partial void TunnelUp(ILogger log, string name, string agent);

    [LoggerMessage(21, LogLevel.Information, "Tunnel {Name} is down: {Reason}")]
    public static partial void TunnelDown(ILogger log, string name, string reason);

    [LoggerMessage(22, LogLevel.Warning, "Refused the agent at {Agent}: {Reason} ({Count} since the last such line) [{Code}]")]
    public static partial void AgentRefused(ILogger log, string agent, string reason, int count, string code);

    [LoggerMessage(49, LogLevel.Warning, "{Count} lines about single peers were left out in the last minute: too many peers gave cause for one [lines-left-out]")]
    public static partial void LinesLeftOut(ILogger log, long count);

    [LoggerMessage(23, LogLevel.Warning, "Session of the agent at {Agent} ended by a fault: {Reason} [{Code}]")]
    public static partial void SessionFault(ILogger log, string agent, string reason, string code);

    [LoggerMessage(24, LogLevel.Debug, "A link from {Agent} ended before it became a session")]
    public static partial void LinkUnproved(ILogger log, string agent);

    [LoggerMessage(25, LogLevel.Error, "Serving the agent at {Agent} ended by a fault of the server [internal-error]")]
    public static partial void AgentFault(ILogger log, string agent, Exception error);

    [LoggerMessage(26, LogLevel.Information, "The agent at {Agent} is disconnected ({Reason}); its session waits {Window:0} s for it")]
    public static partial void SessionDetached(ILogger log, string agent, string reason, double window);

    [LoggerMessage(27, LogLevel.Information, "The agent at {Agent} is back, from {Address}")]
    public static partial void SessionResumed(ILogger log, string agent, string address);

    [LoggerMessage(30, LogLevel.Information, "Agents on this machine need no token; agents from elsewhere need one, and TLS")]
    public static partial void LocalAgentsAreFree(ILogger log);

    [LoggerMessage(31, LogLevel.Information, "Every agent needs a token; agents from elsewhere need TLS as well")]
    public static partial void EveryAgentNeedsToken(ILogger log);

    [LoggerMessage(32, LogLevel.Warning, "Agents from elsewhere may connect without TLS (--allow-plaintext-agents): whoever is on the way can read and change everything, tokens included [plaintext]")]
    public static partial void PlaintextAgentsAllowed(ILogger log);

    [LoggerMessage(33, LogLevel.Information, "This server keeps no state, so only agents on this machine can connect")]
    public static partial void NoState(ILogger log);

    /// <summary>For ban tools (docs/operating.md): the form of this line does not change.</summary>
    [LoggerMessage(34, LogLevel.Warning, "Token failure from {Address}: {Count} since the last such line, {Reason} [token-failure]")]
    public static partial void TokenFailure(ILogger log, System.Net.IPAddress address, int count, string reason);

    [LoggerMessage(35, LogLevel.Error, "The tokens cannot be read, so the last ones known still hold, and no change to them is kept: {Reason} [tokens-unreadable]")]
    public static partial void TokenStoreFault(ILogger log, string reason);

    [LoggerMessage(48, LogLevel.Information, "The tokens can be read again: {File}")]
    public static partial void TokenStoreBack(ILogger log, string file);

    [LoggerMessage(36, LogLevel.Information, "Tokens were changed: there are {Count}")]
    public static partial void TokensChanged(ILogger log, int count);

    [LoggerMessage(37, LogLevel.Error, "What became of the names of tokens (claims, passthrough) could not be saved: {Reason} [state-unsaved]")]
    public static partial void NotesUnsaved(ILogger log, string reason);

    [LoggerMessage(38, LogLevel.Warning, "Ended the session of the agent at {Agent}: {Reason} [revoked]")]
    public static partial void SessionRevoked(ILogger log, string agent, string reason);

    [LoggerMessage(39, LogLevel.Warning, "{Reason} There are no tokens without one; --state-dir chooses another folder [state-unusable]")]
    public static partial void StateUnusable(ILogger log, string reason);

    [LoggerMessage(40, LogLevel.Information, "Listening for encrypted visitors on {EndPoints}")]
    public static partial void ListeningTls(ILogger log, string endPoints);

    [LoggerMessage(41, LogLevel.Information, "Serving the certificate for {Certificate}")]
    public static partial void CertificateLoaded(ILogger log, string certificate);

    [LoggerMessage(42, LogLevel.Error, "A certificate is not served: {Reason} [certificate-unusable]")]
    public static partial void CertificateRefused(ILogger log, string reason);

    [LoggerMessage(43, LogLevel.Error, "A changed certificate is not served: {Reason} The old one stays ({Certificate}) [certificate-unusable]")]
    public static partial void CertificateKept(ILogger log, string reason, string certificate);

    [LoggerMessage(44, LogLevel.Information, "{File} is gone, and no longer served")]
    public static partial void CertificateGone(ILogger log, string file);

    [LoggerMessage(45, LogLevel.Warning, "The certificate for {Certificate} is about to expire, or has expired. Renew it; the new files are taken up by themselves [certificate-expiring]")]
    public static partial void CertificateExpiring(ILogger log, string certificate);

    [LoggerMessage(70, LogLevel.Information, "{Visitor} speaks HTTP/2 only, and here HTTP/1.1 is spoken; let that client use HTTP/1.1. Others may have come since the last such line")]
    public static partial void Http2Alone(ILogger log, string visitor);

    [LoggerMessage(46, LogLevel.Information, "Port {Port} is open for a TCP tunnel")]
    public static partial void TcpPortOpened(ILogger log, int port);

    [LoggerMessage(47, LogLevel.Information, "Port {Port} is closed again: its tunnel is gone")]
    public static partial void TcpPortClosed(ILogger log, int port);

    [LoggerMessage(50, LogLevel.Error, "The files of the certificates have not answered for {Seconds:0} s; those that were read before are served. Look at the file system they are on [certificates-slow]")]
    public static partial void CertificatesSlow(ILogger log, double seconds);

    [LoggerMessage(51, LogLevel.Warning, "No certificate is served: visitors by HTTPS are turned away. Put one where --cert or --cert-dir looks for it [certificate-missing]")]
    public static partial void NoCertificate(ILogger log);

    [LoggerMessage(52, LogLevel.Warning, "No certificate is for *.{Domain}: tunnels with names that none is for are announced as http://, and browsers refuse them by HTTPS [certificate-missing]")]
    public static partial void DomainNotCovered(ILogger log, string domain);

    [LoggerMessage(53, LogLevel.Warning, "No certificate is for {Name}: it is announced as http://, and browsers refuse it by HTTPS. Put one for it where --cert or --cert-dir looks for it [certificate-missing]")]
    public static partial void NameNotCovered(ILogger log, string name);

    [LoggerMessage(54, LogLevel.Warning, "Lines of the access log were lost: {Dropped} in all [access-log-lost]")]
    public static partial void AccessLogLost(ILogger log, long dropped);

    [LoggerMessage(55, LogLevel.Warning, "The access log goes on in the file that was moved: {Reason} [access-log-not-reopened]")]
    public static partial void AccessLogNotReopened(ILogger log, string reason);

    [LoggerMessage(56, LogLevel.Information, "Reloading, as SIGHUP asks: the access log is opened anew, certificates and tokens are read again")]
    public static partial void Reloading(ILogger log);

    [LoggerMessage(110, LogLevel.Error, "The settings file has a mistake, and the server would not start with it; it goes on with what it had: {Fault} [settings-wrong]")]
    public static partial void FileNotTaken(ILogger log, string fault);

    [LoggerMessage(111, LogLevel.Warning, "{Setting} has changed in the settings file; it takes effect at the next start [restart-needed]")]
    public static partial void SettingWaits(ILogger log, string setting);

    [LoggerMessage(57, LogLevel.Warning, "{Reason} The server goes on; 'token create' will need --server to say where agents reach it [state-unsaved]")]
    public static partial void NoteUnsaved(ILogger log, string reason);

    [LoggerMessage(59, LogLevel.Warning, "This process may open {Limit} files and connections, and --max-connections {Connections} needs {Needed}: beyond the limit visitors wait. Raise it (systemd: LimitNOFILE=, docker: --ulimit nofile=, a shell: ulimit -Hn), or lower --max-connections [few-descriptors]")]
    public static partial void FewDescriptors(ILogger log, long limit, int connections, long needed);

    [LoggerMessage(58, LogLevel.Warning, "{File} can be read or written by other users of this machine; 'chmod {Mode}' closes it [file-open-to-others]")]
    public static partial void FileIsOpen(ILogger log, string file, string mode);

    [LoggerMessage(90, LogLevel.Warning, "Memory for peers is full ({Used} of {Limit} MiB): visitors are answered with too-busy. --memory-limit gives it more [memory-full]")]
    public static partial void MemoryFull(ILogger log, long used, long limit);

    [LoggerMessage(100, LogLevel.Information, "{Authority} gives certificates on its terms, which --acme consents to: {Terms}")]
    public static partial void TermsAgreed(ILogger log, string authority, string terms);

    [LoggerMessage(101, LogLevel.Information, "Asking {Authority} for a certificate for {Name}")]
    public static partial void Ordering(ILogger log, string name, string authority);

    [LoggerMessage(102, LogLevel.Warning, "No new certificate for {Name}: {Reason} {Remedy} The next try is at {At}. {Served} [{Code}]")]
    public static partial void CertificateNotObtained(ILogger log, string name, string reason, string remedy, string at, string served, string code);

    [LoggerMessage(103, LogLevel.Information, "The authority wants the certificate for {Name} renewed between {Start} and {End}: {Why}")]
    public static partial void RenewalSuggested(ILogger log, string name, string start, string end, string why);

    [LoggerMessage(104, LogLevel.Debug, "When to renew the certificate for {Name} the authority did not say: {Reason}")]
    public static partial void RenewalUnknown(ILogger log, string name, string reason);

    [LoggerMessage(105, LogLevel.Warning, "A certificate that was kept is not served, and another one is asked for: {Reason} [certificate-unusable]")]
    public static partial void KeptCertificateUnusable(ILogger log, string reason);

    [LoggerMessage(106, LogLevel.Warning, "When to ask for a certificate again cannot be kept, so a new start would ask at once: {Reason} [acme-unsaved]")]
    public static partial void TriesUnsaved(ILogger log, string reason);
}
