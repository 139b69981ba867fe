using Microsoft.Extensions.Logging;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Server.Diagnostics;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Edge;

/// <summary>What visitors may make the server hold, as far as the edge decides it. Safe from any thread.</summary>
internal sealed class VisitorMemory(ProcessMemory memory, MemoryPlan plan, TimeProvider time, ILogger log)
{
    private readonly RareLine _rareFull = new(time);
    private SocketConnectionOptions? _narrowSockets;

    /// <summary>Bytes that a visitor's connection is given at one time.</summary>
    public int Piece => plan.Piece;

    /// <summary>Bounds what is kept of bodies so that their requests can move.</summary>
    public Forwarding.CopyBudget Copies { get; } = new(plan.Copies);

    /// <summary>How the socket of a visitor who comes now is tuned.</summary>
    public SocketConnectionOptions Sockets => memory.IsEasy ? EasySockets : _narrowSockets ??= EasySockets.Narrow;

    /// <summary>
    /// The same while memory is not short. What a visitor does not take waits in its stream, where it is bounded and counted,
    /// not in the system's memory.
    /// </summary>
    public SocketConnectionOptions EasySockets { get; } = new()
    {
        KeepAliveAfter = TimeSpan.FromSeconds(60),
        UnsentLimit = 128 * 1024,
        ReceiveBlock = plan.Piece,
    };

    /// <summary>Whether a request or raw connection of this visitor may have a stream; says so when it may not.</summary>
    public bool HasRoomFor(in VisitorAddress visitor)
    {
        if (memory.HasRoomFor(visitor))
        {
            return true;
        }

        if (_rareFull.IsDue())
        {
            ServerLog.MemoryFull(log, memory.Used >> 20, plan.Limit >> 20);
        }

        return false;
    }
}
