using Tunnel.Framing.Frames;

namespace Tunnel.Server.Forwarding;

/// <summary>The exchange waits for this answer no longer, of which nothing has come.</summary>
/// <param name="error">What the visitor is told, unless the request goes to another session.</param>
/// <param name="code">What the agent is told.</param>
internal sealed class AnswerGivenUpException(EdgeError error, ResetCode code) : Exception(error.Says)
{
    public EdgeError Error { get; } = error;

    public ResetCode Code { get; } = code;
}
