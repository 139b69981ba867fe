using System.Buffers;
using Tunnel.Framing.Flow;
using Tunnel.Hosting;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>What connections to the origin take their memory from, and how much the system may hold for them.</summary>
internal sealed class OriginMemory(MemoryPool<byte> pool, ProcessMemory memory, MemoryPlan plan)
{
    // What the origin does not take waits in the stream, where credit bounds it, not in the system's memory.
    private readonly SocketConnectionOptions _sockets = SocketConnectionOptions.Origin with { UnsentLimit = 128 * 1024, ReceiveBlock = plan.Piece };
    private SocketConnectionOptions? _narrowSockets;

    public MemoryPool<byte> Pool => pool;

    /// <summary>Bytes that the origin's connection is given at one time.</summary>
    public int Piece => plan.Piece;

    /// <summary>How the socket of a connection that is opened now is tuned.</summary>
    public SocketConnectionOptions Sockets => memory.IsEasy ? _sockets : _narrowSockets ??= _sockets.Narrow;
}
