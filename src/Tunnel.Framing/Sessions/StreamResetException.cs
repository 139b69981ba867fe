using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>Reading from a stream that ended before its FIN. <see cref="Code"/> says why.</summary>
public sealed class StreamResetException(ResetCode code, string detail)
    : IOException(detail.Length == 0 ? code.Name() : $"{code.Name()}: {detail}")
{
    public ResetCode Code { get; } = code;

    /// <summary>What the peer added, or empty. Never shown to a visitor.</summary>
    public string Detail { get; } = detail;
}
