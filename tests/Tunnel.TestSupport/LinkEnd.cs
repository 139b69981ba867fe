using System.IO.Pipelines;

namespace Tunnel.TestSupport;

/// <summary>An <see cref="IDuplexPipe"/> of any two halves.</summary>
public sealed class LinkEnd(PipeReader input, PipeWriter output) : IDuplexPipe
{
    public PipeReader Input => input;

    public PipeWriter Output => output;
}
