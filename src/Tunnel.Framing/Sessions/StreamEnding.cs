using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>Streams that ended under the session's lock and whose users are told without it.</summary>
/// <param name="Ended">The reader loop does not touch these any more, so their pipes are ours to complete.</param>
/// <param name="Waiting">Users of these wait for room that nobody needs any more.</param>
internal readonly record struct StreamEnding(List<TunnelStream> Ended, List<TunnelStream> Waiting)
{
    public void Tell(ResetCode code, string detail, bool isAsked = false)
    {
        foreach (TunnelStream stream in Ended)
        {
            stream.In.End(new StreamResetException(code, detail));
            if (!isAsked)
            {
                stream.NotifyAborted();
            }
        }

        foreach (TunnelStream stream in Waiting)
        {
            stream.Out.Resume(isWanted: false);
        }
    }
}
