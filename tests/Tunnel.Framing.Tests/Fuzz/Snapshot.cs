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
            foreach (LiveStream stream in session.Streams.Table.Live)
            {
                text.AppendLine(
                    $"  {stream.Id}: sending {stream.Halves.Sending}, receiving {stream.Halves.Receiving}, "
                    + $"reset sent {stream.Halves.ResetWasSent}, owed {stream.AnswerOwed}, disposed {stream.IsDisposed}, "
                    + $"waiting {stream.Outgoing.WaitingBytes}, rented {stream.Outgoing.RentedBytes}, flush waits {stream.FlushWaits}, "
                    + $"window {stream.SendWindow.Available}, fin {stream.FinIsWanted}, input completed {stream.InputIsCompleted}");
            }
        }
    }
}
