using System.Net;
using System.Net.Sockets;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Accepting failed, or what was accepted could not be taken in. The listener goes on by itself; this is for a log
/// line, which its writer must keep rare: under pressure there may be many a second.
/// </summary>
/// <param name="EndPoint">The listening address.</param>
/// <param name="Error">What the socket reported; <see cref="SocketError.Success"/> if the taker of the connection failed.</param>
/// <param name="Exception">The failure itself.</param>
/// <param name="RetryAfter">How long this address now rests before it accepts again.</param>
public readonly record struct AcceptFault(IPEndPoint EndPoint, SocketError Error, Exception Exception, TimeSpan RetryAfter);
