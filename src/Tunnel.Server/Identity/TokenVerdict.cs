namespace Tunnel.Server.Identity;

/// <summary>What became of showing a token.</summary>
internal enum TokenVerdict
{
    Accepted,

    /// <summary>No such token, or not its secret.</summary>
    Unknown,
    Expired,
    Revoked,
}
