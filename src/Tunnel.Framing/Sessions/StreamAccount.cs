namespace Tunnel.Framing.Sessions;

/// <summary>How many streams a session has seen from its beginning, and how many of them were broken off.</summary>
/// <param name="Opened">By either side.</param>
/// <param name="ResetHere">We broke them off: the visitor left, the request was refused, a fault.</param>
/// <param name="ResetByPeer">The peer broke them off.</param>
public readonly record struct StreamAccount(long Opened, long ResetHere, long ResetByPeer);
