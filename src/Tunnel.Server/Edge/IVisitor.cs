namespace Tunnel.Server.Edge;

/// <summary>One visitor's connection as its listener knows it, whatever is spoken on it. It owns the connection.</summary>
internal interface IVisitor
{
    /// <summary>Runs until the connection has ended; never throws.</summary>
    public Task RunAsync();

    /// <summary>
    /// Asked once, the connection serves what is on its way, and says with its next answer that it closes. Asked again, it
    /// begins nothing any more: an idle one closes, a busy one when it is done.
    /// </summary>
    public void Stop();

    /// <summary>Completes when nothing of this connection looks for a session any more; after <see cref="Stop"/> nothing will.</summary>
    public Task WhenSettledAsync();

    /// <summary>Ends the connection at once; the visitor sees that it broke.</summary>
    public void Abort();
}
