namespace Tunnel.Server.Forwarding;

/// <summary>What became of a raw connection on one stream.</summary>
internal enum RawOutcome
{
    /// <summary>It ran, and has ended; the visitor has seen how.</summary>
    Over,

    /// <summary>The session has not looked at it, and all that the visitor has sent is still at hand, for another stream.</summary>
    Untouched,

    /// <summary>Nothing was answered, and nothing will be: the visitor's connection stands, and is to be told.</summary>
    Refused,
}
