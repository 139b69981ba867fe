using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>A certificate authority that wanted to see who answers a handshake for a name. It has seen it, and nothing is said behind that (RFC 8737 section 3).</summary>
internal sealed class ProofVisitor(IConnection secure) : IVisitor
{
    /// <inheritdoc/>
    public async Task RunAsync()
    {
        await using (secure)
        {
            await secure.Output.CompleteAsync();
            await secure.Input.CompleteAsync();
        }
    }

    /// <summary>It ends by itself.</summary>
    public void Stop()
    {
    }

    /// <inheritdoc/>
    public Task WhenSettledAsync() => Task.CompletedTask;

    /// <inheritdoc/>
    public void Abort() => secure.Abort();
}
