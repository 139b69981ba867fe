using Tunnel.Framing.Flow;
using Tunnel.Hosting;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Edge;

/// <summary>How the sockets of visitors are tuned, by what memory there is. Safe from any thread.</summary>
internal sealed class VisitorSockets(ProcessMemory memory, MemoryPlan plan)
{
    private SocketConnectionOptions? _narrow;

    /// <summary>For a visitor who comes now.</summary>
    public SocketConnectionOptions ForNext => memory.IsEasy ? Easy : _narrow ??= Easy.Narrow;

    /// <summary>
    /// The same while memory is not short. What a visitor does not take waits in its stream, where it is bounded and counted,
    /// not in the system's memory.
    /// </summary>
    public SocketConnectionOptions Easy { get; } = new()
    {
        KeepAliveAfter = TimeSpan.FromSeconds(60),
        UnsentLimit = 128 * 1024,
        ReceiveBlock = plan.Piece,
    };
}
