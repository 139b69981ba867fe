using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Local;

/// <summary>The origin, or the request for it, did not do what HTTP asks; the stream is reset with <see cref="Code"/>.</summary>
internal sealed class OriginFaultException(ResetCode code, string message) : Exception(message)
{
    public ResetCode Code { get; } = code;
}
