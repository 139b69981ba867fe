namespace Tunnel.Transport.Sockets;

/// <summary>Why a host could not be connected to, told from all its addresses together.</summary>
public enum DialFailure
{
    /// <summary>This process may open no more connections; it says nothing of the host.</summary>
    OutOfDescriptors,

    /// <summary>The machine answered: nobody listens on that port.</summary>
    Refused,

    /// <summary>No answer in time.</summary>
    TimedOut,

    /// <summary>The name has no address, or could not be looked up.</summary>
    NameNotResolved,

    /// <summary>There is no way to the address.</summary>
    Unreachable,

    /// <summary>Anything else; <see cref="DialException.SocketError"/> says what.</summary>
    Other,
}
