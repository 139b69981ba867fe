using System.Buffers;

namespace Tunnel.TestSupport;

/// <summary>The bounds of a <see cref="MemoryLink"/>.</summary>
public sealed record MemoryLinkOptions
{
    /// <summary>Bytes on the way in one direction at which a flush begins to wait; 0 never waits.</summary>
    public int PauseAt { get; init; } = 64 * 1024;

    /// <summary>Bytes on the way at which a waiting flush goes on; null: half of <see cref="PauseAt"/>.</summary>
    public int? ResumeAt { get; init; }

    /// <summary>Null: the shared pool.</summary>
    public MemoryPool<byte>? Pool { get; init; }

    /// <summary>True: continuations run on the other side's thread, so that a test has one order of events.</summary>
    public bool Inline { get; init; }
}
