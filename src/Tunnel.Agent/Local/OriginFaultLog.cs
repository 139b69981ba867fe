using Microsoft.Extensions.Logging;
using Tunnel.Agent.Diagnostics;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>
/// Why requests failed at the origin, for the person who runs the agent: visitors are told as much as concerns them, the
/// true reason stands in the agent's log. Safe from any thread.
/// </summary>
internal sealed class OriginFaultLog(OriginOptions options, string protocol, TimeProvider time, ILogger log)
{
    private readonly RareLine _rare = new(time);
    private readonly RareLine _rareHint = new(time);
    private readonly string _origin = Printable.Of(options.Text(protocol));

    /// <summary>What a dial that failed means to the visitor.</summary>
    public ResetCode CodeOf(DialException error) => CodeOf(error, options);

    /// <inheritdoc cref="CodeOf(DialException)"/>
    /// <remarks>A Unix socket has no host that could be out of reach.</remarks>
    public static ResetCode CodeOf(DialException error, OriginOptions options) => error.Failure is DialFailure.Refused or DialFailure.Other || options.Socket is not null
        ? ResetCode.OriginRefused
        : ResetCode.OriginUnreachable;

    /// <summary>
    /// A request or a raw connection ended early. An origin that did something wrong is a warning, one in ten seconds; that
    /// it cannot be reached has its own line, once (<see cref="OriginPool"/>).
    /// </summary>
    public void Tell(ResetCode code, string reason)
    {
        if (code is ResetCode.OriginInvalid or ResetCode.OriginReset or ResetCode.OriginTimeout or ResetCode.OriginSpeaksTls && _rare.IsDue())
        {
            AgentLog.OriginFault(log, _origin, reason, code.Name());
            return;
        }

        if (code == ResetCode.TooBusy && _rare.IsDue())
        {
            AgentLog.TooBusy(log, reason);
            return;
        }

        AgentLog.RequestFailed(log, reason, code.Name());
    }

    /// <summary>The local server has refused the public name; one line in ten seconds says what lets it in.</summary>
    public void TellBlocked(BlockingFramework framework)
    {
        if (_rareHint.IsDue())
        {
            AgentLog.HostBlocked(log, _origin, framework.Name, framework.Cure);
        }
    }
}
