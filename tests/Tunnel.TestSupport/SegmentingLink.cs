using System.IO.Pipelines;

namespace Tunnel.TestSupport;

/// <summary>
/// A link whose input arrives in pieces of a given size, to find readers that trust the borders of what they are
/// given. Output is passed on as it is. Completing either half completes the inner one.
/// </summary>
public sealed class SegmentingLink : IDuplexPipe
{
    /// <param name="inner">The link to cut up; stays its owner's.</param>
    /// <param name="size">Bytes in a piece, 1 or more.</param>
    /// <param name="segmenting">Which kind of pieces.</param>
    public SegmentingLink(IDuplexPipe inner, int size, Segmenting segmenting = Segmenting.Both)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        Input = new SegmentingReader(inner.Input, size, segmenting);
        Output = inner.Output;
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }
}
