namespace Tunnel.Server.Edge;

/// <summary>One visitor's connection as its listener knows it, whatever is spoken on it. It owns the connection.</summary>
internal interface IVisitor
{
    /// <summary>Runs until the connection has ended; never throws.</summary>
    public Task RunAsync();

    /// <summary>
    /// Nothing new is begun: an idle connection closes, a busy one when it is done. Asked once, one that has just come may
    /// begin all the same; asked again, not.
    /// </summary>
    public void Stop();

    /// <summary>Completes when nothing of this connection looks for a session any more; after <see cref="Stop"/> nothing will.</summary>
    public Task WhenSettledAsync();

    /// <summary>Ends the connection at once; the visitor sees that it broke.</summary>
    public void Abort();
}
