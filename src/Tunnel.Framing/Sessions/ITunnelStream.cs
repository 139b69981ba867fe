using System.IO.Pipelines;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// A stream as its user knows it: two halves of bytes that each end by themselves, and what becomes of it. A session's own
/// (<see cref="TunnelStream"/>), or whatever else stands for one. The user disposes it, once neither half is in use any more.
/// </summary>
public interface ITunnelStream : IDuplexPipe, IDisposable
{
    /// <summary>What OPEN says of this stream.</summary>
    public OpenHeader Open { get; }

    /// <summary>RequestId; 0 while OPEN has not entered a link.</summary>
    public uint Id { get; }

    /// <summary>Why the stream ended early, or null; the first reason stays.</summary>
    public ResetCode? ResetCode { get; }

    /// <summary>How far its user has come; a word of the user's that the session does nothing with.</summary>
    public StreamProgress Progress { get; }

    /// <summary>
    /// The peer has acknowledged OPEN, so whatever it does for this stream may have begun. Without a link, false means that
    /// it has most likely never heard of it.
    /// </summary>
    public bool HasReachedPeer { get; }

    /// <summary>The user has begun to pass an answer on.</summary>
    public void AnswerBegan();

    /// <summary>Whoever asked has ended its sending, and may be gone. From any thread.</summary>
    public void MayBeAbandoned();

    /// <summary>
    /// The user cannot try elsewhere any more: from here on the stream stays with its session, also when the link is lost
    /// before OPEN has entered it. Without this such a stream ends as <see cref="Frames.ResetCode.NotProcessed"/>.
    /// </summary>
    /// <returns>False when nothing can be sent on the stream any more; see <see cref="ResetCode"/>.</returns>
    public bool TryPin();

    /// <summary>
    /// Ends both halves at once: nothing more is sent but RESET, nothing more is delivered. Safe from any thread. Without effect on
    /// what has already ended.
    /// </summary>
    public void Abort(ResetCode code, string detail = "");
}
