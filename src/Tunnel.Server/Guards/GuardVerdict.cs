namespace Tunnel.Server.Guards;

/// <summary>What a tunnel's rules say of one request.</summary>
internal enum GuardVerdict
{
    Admitted,

    /// <summary>Nobody comes from that address.</summary>
    AddressDenied,

    /// <summary>It has no name and password, or wrong ones; <see cref="VisitorGuard.Challenge"/> asks for them.</summary>
    PasswordNeeded,

    /// <summary>Passwords were tried too often: nobody looked at this one.</summary>
    TooManyPasswords,
}
