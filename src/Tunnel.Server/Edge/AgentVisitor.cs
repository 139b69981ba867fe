using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>
/// Not a visitor at all: an agent that came in at the HTTPS port, because its network lets nothing else out. Told by ALPN,
/// and handed on with its ClientHello unanswered.
/// </summary>
/// <param name="take">Takes over the connection; completes when it has ended.</param>
internal sealed class AgentVisitor(IConnection link, Func<IConnection, Task> take) : IVisitor
{
    /// <inheritdoc/>
    public Task RunAsync() => take(link);

    /// <summary>Agents are told that the server leaves by their sessions.</summary>
    public void Stop()
    {
    }

    /// <summary>It looks for no session: it brings one.</summary>
    public Task WhenSettledAsync() => Task.CompletedTask;

    /// <inheritdoc/>
    public void Abort() => link.Abort();
}
