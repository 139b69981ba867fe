namespace Tunnel.TestSupport;

/// <summary>How a <see cref="SegmentingLink"/> cuts up what it delivers.</summary>
[Flags]
public enum Segmenting
{
    /// <summary>Each read shows only so many new bytes, however many arrived.</summary>
    TinyReads = 1,

    /// <summary>What a read shows is a sequence of many short segments.</summary>
    ManySegments = 2,

    /// <summary>Both at once.</summary>
    Both = TinyReads | ManySegments,
}
