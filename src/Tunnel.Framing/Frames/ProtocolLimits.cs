namespace Tunnel.Framing.Frames;

/// <summary>The fixed numbers of docs/protocol.md, section 10. Bytes unless the name says otherwise.</summary>
public static class ProtocolLimits
{
    /// <summary>The version of the protocol this library speaks.</summary>
    public const int Version = 1;

    /// <summary>Largest payload of OPEN and DATA that is accepted.</summary>
    public const int AcceptedPayload = 64 * 1024;

    /// <summary>Largest payload of OPEN and DATA that is sent.</summary>
    public const int SentPayload = 16 * 1024;

    /// <summary>Largest JSON payload; BIND has a limit of its own.</summary>
    public const int JsonPayload = 8 * 1024;

    /// <summary>Largest payload of BIND: the largest guard fits.</summary>
    public const int BindPayload = 32 * 1024;

    /// <summary>Deepest nesting in a JSON payload.</summary>
    public const int JsonDepth = 8;

    /// <summary>Longest sentence in RESET and CLOSE.</summary>
    public const int Sentence = 512;

    /// <summary>The window every stream direction has for sure.</summary>
    public const int LeastWindow = 32 * 1024;

    /// <summary>The window an answer starts with while memory is easy.</summary>
    public const int FirstAnswerWindow = 256 * 1024;

    /// <summary>The window no stream direction grows beyond.</summary>
    public const int MostWindow = 8 * 1024 * 1024;

    /// <summary>Sum of credit that may be outstanding.</summary>
    public const int MostCredit = int.MaxValue;

    /// <summary>Streams that a side which does not say has room for at one time.</summary>
    public const int Streams = 1024;

    /// <summary>Most streams a side may say it has room for.</summary>
    public const int MostStreams = 65_535;

    /// <summary>Ids from here on are not opened: the session is replaced instead.</summary>
    public const uint LastStreamId = (1u << 31) - (1u << 20);

    /// <summary>Sequenced bytes after which an ACK is due at once.</summary>
    public const int AckEvery = 512 * 1024;

    /// <summary>Unacknowledged sequenced bytes from which on a sender takes nothing more from streams.</summary>
    public const int ReplayBytes = 8 * 1024 * 1024;

    /// <summary>Unacknowledged sequenced bytes, the session's own frames included, that no peer needs us to keep.</summary>
    public const int MostUnacknowledged = ReplayBytes + (1024 * 1024);

    /// <summary>What a frame counts for in the two limits above beyond its bytes, because keeping it costs more than those.</summary>
    public const int KeptPerFrame = 64;

    /// <summary>For so long a peer may go on sending and acknowledge nothing of what it was sent.</summary>
    public static readonly TimeSpan AckPatience = TimeSpan.FromSeconds(30);

    /// <summary>Tunnels one session may hold.</summary>
    public const int Tunnels = 64;

    /// <summary>BINDs of one session that are handled in a second, when more than twice <see cref="Tunnels"/> came at once.</summary>
    public const int BindsPerSecond = 8;

    /// <summary>Sessions one agent may keep side by side.</summary>
    public const int Links = 64;
}
