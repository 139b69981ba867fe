namespace Tunnel.Server.Edge;

/// <summary>What a <see cref="VisitorConnection"/> waits for, which says what its deadline means.</summary>
internal enum VisitorPhase
{
    /// <summary>For the first byte of a head.</summary>
    Waiting,

    /// <summary>For the rest of it.</summary>
    InHead,

    InExchange,

    /// <summary>The same, and waiting for the visitor's upload to go on.</summary>
    InUpload,

    /// <summary>Turned over after a 101: only long silence ends it.</summary>
    Raw,

    /// <summary>Our last words are sent; what still comes is thrown away, with a limit of its own (<see cref="Parting"/>).</summary>
    Lingering,
}
