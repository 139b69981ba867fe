using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>Linux's numbers (errno.h) in the words of the runtime, for the calls that we make ourselves.</summary>
internal static class SystemErrors
{
    public const int Interrupted = 4;

    public static SocketError MeaningOf(int error) => error switch
    {
        2 or 99 => SocketError.AddressNotAvailable,
        11 => SocketError.WouldBlock,
        12 or 105 => SocketError.NoBufferSpaceAvailable,
        13 or 1 => SocketError.AccessDenied,
        23 or 24 => SocketError.TooManyOpenSockets,
        32 => SocketError.Shutdown,
        92 => SocketError.ProtocolOption,
        97 => SocketError.AddressFamilyNotSupported,
        100 => SocketError.NetworkDown,
        101 => SocketError.NetworkUnreachable,
        102 => SocketError.NetworkReset,
        103 => SocketError.ConnectionAborted,
        104 => SocketError.ConnectionReset,
        107 => SocketError.NotConnected,
        110 => SocketError.TimedOut,
        111 => SocketError.ConnectionRefused,
        112 => SocketError.HostDown,
        113 => SocketError.HostUnreachable,
        _ => SocketError.SocketError,
    };
}
