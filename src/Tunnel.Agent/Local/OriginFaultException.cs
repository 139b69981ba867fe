using Tunnel.Framing.Frames;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>The origin, or the request for it, did not do what HTTP asks; the stream is reset with <see cref="Code"/>.</summary>
internal sealed class OriginFaultException(ResetCode code, string message) : Exception(message)
{
    public ResetCode Code { get; } = code;

    /// <summary>The connection broke before there was an answer: one whose host is gone gave none in time.</summary>
    public static OriginFaultException Before(ConnectionBrokenException error) =>
        new(error.Reason == ConnectionBreak.TimedOut ? ResetCode.OriginTimeout : ResetCode.OriginInvalid, error.Message);
}
