using System.Text;
using Tunnel.Framing.Sessions;
using Tunnel.Framing.Tests.Sessions;

namespace Tunnel.Framing.Tests.Fuzz;

/// <summary>Where both sessions stand, for the message of a round that hangs.</summary>
internal static class Snapshot
{
    public static string Of(SessionPair? pair) => pair is null ? "" : Of(pair.Server, pair.Agent);

    public static string Of(Session server, Session agent)
    {
        var text = new StringBuilder();
        Add(text, "server", server);
        Add(text, "agent", agent);
        return text.ToString();
    }

    private static void Add(StringBuilder text, string name, Session session)
    {
        lock (session.Streams.Gate)
        {
            text.AppendLine(
                $"{name}: {session.Counts}, ended {session.Ended.Status}, leaving {session.IsLeaving}, "
                + $"urgent {session.Streams.Queue.HasUrgent}, queue empty {session.Streams.Queue.Streams.IsEmpty}");
            foreach (LiveStream stream in session.Streams.Table.Lives.Select(life => life.Live))
            {
                text.AppendLine(
                    $"  {stream.Id}: sending {stream.State.Halves.Sending}, receiving {stream.State.Halves.Receiving}, "
                    + $"reset sent {stream.State.Halves.ResetWasSent}, owed {stream.State.AnswerOwed}, disposed {stream.State.IsDisposed}, "
                    + $"waiting {stream.State.Outgoing.WaitingBytes}, rented {stream.State.Outgoing.RentedBytes}, flush waits {stream.FlushWaits}, "
                    + $"window {stream.SendWindow.Available}, fin {stream.State.FinIsWanted}");
            }
        }
    }
}
