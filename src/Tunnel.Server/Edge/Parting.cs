using System.IO.Pipelines;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>The end of a connection on which the last word is ours.</summary>
internal static class Parting
{
    private static readonly TimeSpan LongestLinger = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Ends our sending, and takes what the visitor still sends for a while: a close with unread bytes would reset the
    /// connection, and the visitor might lose our last word before reading it.
    /// </summary>
    /// <exception cref="IOException">The connection broke.</exception>
    public static async ValueTask EndAsync(IConnection link, TimeProvider time)
    {
        await link.Output.CompleteAsync();
        using var limit = new CancellationTokenSource(LongestLinger, time);
        try
        {
            bool isOver;
            do
            {
                ReadResult read = await link.Input.ReadAsync(limit.Token);
                link.Input.AdvanceTo(read.Buffer.End);
                isOver = read.IsCompleted;
            }
            while (!isOver);
        }
        catch (OperationCanceledException)
        {
            // It had its time; the system goes on delivering what it has.
        }
    }
}
