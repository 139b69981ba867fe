using System.IO.Pipelines;

namespace Tunnel.Server.Agents;

/// <summary>
/// A link that has ended already. A session whose handshake failed is run over it: its names were routed to for a moment,
/// and the requests that came in must learn that it is over.
/// </summary>
internal sealed class NoLink : IDuplexPipe
{
    public PipeReader Input { get; } = PipeReader.Create(Stream.Null);

    public PipeWriter Output { get; } = PipeWriter.Create(Stream.Null);
}
