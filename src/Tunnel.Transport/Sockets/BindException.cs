using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>A listener could not be opened; <see cref="Failure"/> decides whether another port is worth a try.</summary>
public sealed class BindException : IOException
{
    internal BindException(IPEndPoint endPoint, SocketException inner)
        : base(Describe(endPoint, inner.SocketErrorCode), inner)
    {
        EndPoint = endPoint;
        SocketError = inner.SocketErrorCode;
        Failure = FailureOf(inner.SocketErrorCode);
    }

    /// <summary>What was wrong, as far as it decides what to do.</summary>
    public BindFailure Failure { get; }

    /// <summary>What the socket reported.</summary>
    public SocketError SocketError { get; }

    /// <summary>The address that could not be bound.</summary>
    public IPEndPoint EndPoint { get; }

    private static BindFailure FailureOf(SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse => BindFailure.InUse,
        SocketError.AccessDenied => BindFailure.NotPermitted,
        SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported => BindFailure.AddressNotAvailable,
        _ => BindFailure.Other,
    };

    private static string Describe(IPEndPoint endPoint, SocketError error) => FailureOf(error) switch
    {
        BindFailure.InUse => $"{endPoint} is in use by another program.",
        BindFailure.NotPermitted => $"{endPoint} may not be used without more privileges.",
        BindFailure.AddressNotAvailable => $"{endPoint.Address} is not an address of this machine.",
        _ => $"{endPoint} cannot be listened on ({error}).",
    };
}
