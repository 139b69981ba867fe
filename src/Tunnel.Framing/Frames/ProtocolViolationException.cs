namespace Tunnel.Framing.Frames;

/// <summary>The peer broke a rule of docs/protocol.md, section 9. Ends the session with <see cref="Code"/>.</summary>
public sealed class ProtocolViolationException(CloseCode code, string message) : Exception(message)
{
    public CloseCode Code { get; } = code;
}
