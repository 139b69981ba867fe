namespace Tunnel.Transport.Sockets;

/// <summary>Why an address and port could not be listened on.</summary>
public enum BindFailure
{
    /// <summary>Somebody else listens there.</summary>
    InUse,

    /// <summary>The process may not (ports below 1024 on most Unix systems).</summary>
    NotPermitted,

    /// <summary>The address is not one of this machine.</summary>
    AddressNotAvailable,

    /// <summary>Anything else; <see cref="BindException.SocketError"/> says what.</summary>
    Other,
}
