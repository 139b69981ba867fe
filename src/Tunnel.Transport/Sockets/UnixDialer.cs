using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>Connects to Unix sockets, on the systems that have them.</summary>
public static class UnixDialer
{
    // A full backlog is told at once and never again: there is nothing to wait for but time.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Whether the path can be one of a socket: an address has room for so many bytes, whatever the file system allows.</summary>
    public static bool CanDial(string path)
    {
        try
        {
            _ = new UnixDomainSocketEndPoint(path);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>A connected socket, which the caller owns. A listener whose backlog is full is asked again until the limit.</summary>
    /// <exception cref="DialException">The socket cannot be connected to.</exception>
    /// <exception cref="OperationCanceledException">It is not wanted any more.</exception>
    public static async Task<Socket> DialAsync(string path, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        using var over = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancel);
        try
        {
            var endPoint = new UnixDomainSocketEndPoint(path);
            while (true)
            {
                try
                {
                    return await EndPointDial.ConnectAsync(endPoint, either.Token);
                }
                catch (SocketException error) when (error.SocketErrorCode == SocketError.WouldBlock)
                {
                    await Task.Delay(Pause, time, either.Token);
                }
            }
        }
        catch (SocketException error)
        {
            throw new DialException(path, DialException.FailureOf(error.SocketErrorCode), error);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new DialException(path, DialFailure.TimedOut, null);
        }
    }
}
