using System.Buffers;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Benchmarks.Framing;

/// <summary>An owner of a session that serves every stream at once, and lets nothing go wrong unseen.</summary>
internal sealed class ServingUser(Func<TunnelStream, Task> serve) : ISessionUser
{
    public void OnStream(TunnelStream stream)
    {
        Task serving = serve(stream);
        if (!serving.IsCompletedSuccessfully)
        {
            _ = WatchAsync(serving);
        }
    }

    public void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
    }

    public void OnGoAway(GoAwayMessage message)
    {
    }

    private static async Task WatchAsync(Task serving)
    {
        try
        {
            await serving;
        }
        catch (Exception fault)
        {
            // The other end would wait for its answer for ever.
            Environment.FailFast("A stream was not served.", fault);
        }
    }
}
