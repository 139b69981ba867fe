using System.IO.Pipelines;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// The incoming half of what an exchange serves, whatever brought it: who asks, and the body of the request. Its head is in
/// the exchange already. Only the exchange reads it, and only while it serves it.
/// </summary>
internal interface IVisitorRequest
{
    /// <summary>Who is connected; a trusted proxy has not been heard yet.</summary>
    public VisitorFacts Facts { get; }

    /// <summary>What ends when the visitor leaves.</summary>
    public VisitorLifetime Lifetime { get; }

    /// <summary>The body, framed as the head says; behind a 101 whatever the visitor sends.</summary>
    public PipeReader Body { get; }

    /// <summary>The time for what <see cref="ReadBodyAsync"/> waited for last has passed.</summary>
    public bool IsLate { get; }

    /// <summary>
    /// Waits for more of the body, no longer than so. Returns a cancelled read when that was too long, or when somebody else
    /// cancelled it: <see cref="IsLate"/> tells.
    /// </summary>
    /// <exception cref="IOException">The visitor is gone.</exception>
    public ValueTask<ReadResult> ReadBodyAsync(TimeSpan within);

    /// <summary>
    /// The visitor waits for a 100 before it sends its body, so its upload is not slow until
    /// <see cref="IVisitorAnswer.PassInterimAsync"/> has told it.
    /// </summary>
    public void AwaitContinue();

    /// <summary>Nobody reads for a while, and somebody must notice when the visitor leaves.</summary>
    public void Watch();
}
