using System.IO.Pipelines;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// The outgoing half of what an exchange serves: the answer, written as whatever brought the request writes it. Only the
/// exchange writes it, and only while it serves it.
/// </summary>
internal interface IVisitorAnswer
{
    /// <summary>Takes the body, in the framing that <see cref="WriteHead"/> returned; behind a 101 whatever the origin sends.</summary>
    public PipeWriter Body { get; }

    /// <summary>This answer is the last one there, and says so.</summary>
    public bool IsLast { get; }

    /// <summary>Passes an interim answer on, or the 101 that turns everything over. What concerns the connection is out of it.</summary>
    /// <exception cref="IOException">The visitor is gone.</exception>
    public ValueTask PassInterimAsync(ResponseHead head);

    /// <summary>Begins the final answer; nothing is flushed. What concerns the connection is out of the head.</summary>
    /// <param name="request">What is answered.</param>
    /// <param name="keepAlive">Another request may follow; false on return when none can behind this answer.</param>
    /// <returns>How the body is framed for this visitor.</returns>
    public BodyFraming WriteHead(ResponseHead head, RequestHead request, ref bool keepAlive);

    /// <summary>Writes an answer of our own; nothing is flushed.</summary>
    /// <param name="request">What is answered; one that could not be read may be only partly filled.</param>
    /// <param name="requestId">For the person who asks us about it; also in our log.</param>
    /// <returns>Bytes of content.</returns>
    public int WriteError(EdgeError error, RequestHead request, string requestId, bool keepAlive);

    /// <summary>What has been begun may be taken back until something of it is flushed. False: some of it may have left.</summary>
    public bool TryTakeBack();

    /// <summary>From here on the bytes of both halves are not HTTP.</summary>
    public void EnterRaw();

    /// <summary>The visitor sees that the answer broke; from any thread.</summary>
    public void Abort();
}
