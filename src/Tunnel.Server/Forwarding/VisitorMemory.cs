using Microsoft.Extensions.Logging;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Forwarding;

/// <summary>What visitors may make the server hold for their requests. Safe from any thread.</summary>
internal sealed class VisitorMemory(ProcessMemory memory, MemoryPlan plan, TimeProvider time, ILogger log)
{
    private readonly RareLine _rareFull = new(time);

    /// <summary>Bytes that a visitor is given at one time.</summary>
    public int Piece => plan.Piece;

    /// <summary>Bounds what is kept of bodies so that their requests can move.</summary>
    public CopyBudget Copies { get; } = new(plan.Copies);

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
