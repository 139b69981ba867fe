using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>A host could not be connected to. The one exception of <see cref="Dialer"/> beside cancellation.</summary>
public sealed class DialException : IOException
{
    internal DialException(string host, int port, DialFailure failure, SocketException? inner = null)
        : base(Describe(host, port, failure, inner), inner)
    {
        Host = host;
        Port = port;
        Failure = failure;
        SocketError = inner?.SocketErrorCode ?? SocketError.Success;
    }

    /// <summary>For what has no port: a Unix socket.</summary>
    internal DialException(string path, DialFailure failure, SocketException? inner)
        : base(DescribePath(path, failure, inner), inner)
    {
        Host = path;
        Failure = failure;
        SocketError = inner?.SocketErrorCode ?? SocketError.Success;
    }

    public string Host { get; }

    public int Port { get; }

    /// <summary>What happened, as far as it decides what to do.</summary>
    public DialFailure Failure { get; }

    /// <summary>What the socket reported; <see cref="SocketError.Success"/> if the time ran out first.</summary>
    public SocketError SocketError { get; }

    internal static DialFailure FailureOf(SocketError error) => error switch
    {
        SocketError.TooManyOpenSockets => DialFailure.OutOfDescriptors,

        // A reset instead of an answer is how some firewalls refuse.
        SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.ConnectionAborted => DialFailure.Refused,
        SocketError.TimedOut => DialFailure.TimedOut,
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery =>
            DialFailure.NameNotResolved,
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown or SocketError.HostDown
            or SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported => DialFailure.Unreachable,
        _ => DialFailure.Other,
    };

    private static string DescribePath(string path, DialFailure failure, SocketException? inner) => failure switch
    {
        DialFailure.Refused => $"{path} refused the connection: nothing listens on that socket.",
        DialFailure.TimedOut => $"{path} did not answer in time.",
        DialFailure.Unreachable => $"There is no socket {path}.",
        DialFailure.OutOfDescriptors => DescriptorReserve.UsedUp,
        _ => $"{path} could not be connected to ({inner?.SocketErrorCode}).",
    };

    private static string Describe(string host, int port, DialFailure failure, SocketException? inner) => failure switch
    {
        DialFailure.Refused => $"{host}:{port} refused the connection: nothing listens there.",
        DialFailure.TimedOut => $"{host}:{port} did not answer in time.",
        DialFailure.NameNotResolved => $"The name {host} could not be resolved.",
        DialFailure.Unreachable => $"There is no way to {host}:{port}.",
        DialFailure.OutOfDescriptors => DescriptorReserve.UsedUp,
        _ => $"{host}:{port} could not be connected to ({inner?.SocketErrorCode}).",
    };
}
