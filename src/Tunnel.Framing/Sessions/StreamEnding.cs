using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// Streams that the session ends without a word to the peer, which does not know them or is not there any more. Their users are
/// told later, when no lock is held.
/// </summary>
internal sealed class StreamEnding
{
    private readonly List<(TunnelStream Stream, ResetCode Code, bool Resume)> _ended = [];

    /// <summary>Ends those of the streams that are still open and for which <paramref name="mustEnd"/> holds, under the lock of each.</summary>
    public void End(List<TunnelStream> streams, ResetCode code, Func<LiveStream, bool> mustEnd)
    {
        foreach (TunnelStream stream in streams)
        {
            LiveStream live = stream.Live;
            lock (live.Gate)
            {
                if (live.IsOf(stream) && !live.State.Halves.IsClosed && mustEnd(live))
                {
                    _ended.Add((stream, code, live.End(code)));
                }
            }
        }
    }

    public void Tell(string detail)
    {
        foreach ((TunnelStream stream, ResetCode code, bool resume) in _ended)
        {
            stream.Live.TellEnd(stream, code, detail, resume);
        }
    }
}
