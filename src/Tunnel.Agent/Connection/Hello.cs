using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Connection;

/// <summary>What the agent says of itself (docs/protocol.md, section 3).</summary>
internal static class Hello
{
    /// <summary>For a new session.</summary>
    /// <param name="slot">Which of the agent's sessions side by side.</param>
    /// <param name="replaces">The one it comes after, while that is still there.</param>
    public static HelloMessage New(ConnectionServices services, int slot, ReplaceRequest? replaces) =>
        Introduce(services, slot) with { Replaces = replaces };

    /// <summary>For the next link of a session.</summary>
    public static HelloMessage Resume(ConnectionServices services, int slot, ResumeRequest resume) =>
        Introduce(services, slot) with { Resume = resume };

    private static HelloMessage Introduce(ConnectionServices services, int slot) => new()
    {
        Version = ProtocolLimits.Version,
        Software = Product.Software,
        Instance = services.Self.Instance,
        Run = services.Self.Run,
        Token = services.Options.Link.Token?.Credential,
        Slot = slot == 0 ? null : slot,
        Streams = services.Session.MaxStreams,
        UploadWindow = services.Session.UploadWindow,
    };
}
