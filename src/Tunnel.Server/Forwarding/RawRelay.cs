using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Edge;
using Tunnel.Transport;

namespace Tunnel.Server.Forwarding;

/// <summary>Raw bytes between a visitor and a stream; half-close is kept, a break on one side breaks the other.</summary>
internal static class RawRelay
{
    /// <summary>Runs until both directions have ended.</summary>
    public static async ValueTask RunAsync(VisitorConnection visitor, TunnelStream stream)
    {
        Task up = CopyUpAsync(visitor, stream);
        Task down = CopyDownAsync(visitor, stream);
        await Task.WhenAll(up, down);
    }

    private static async Task CopyUpAsync(VisitorConnection visitor, TunnelStream stream)
    {
        try
        {
            RelayEnd end;
            do
            {
                // A cancelled read was meant for a connection that waits for a request.
                end = await Relay.CopyAsync(visitor.Input, stream.Output);
            }
            while (end == RelayEnd.Cancelled);

            if (end == RelayEnd.SourceEnded)
            {
                await stream.Output.CompleteAsync();
            }
        }
        catch (IOException)
        {
            stream.Abort(ResetCode.Cancelled);
        }
    }

    private static async Task CopyDownAsync(VisitorConnection visitor, TunnelStream stream)
    {
        try
        {
            if (await Relay.CopyAsync(stream.Input, visitor.Output) == RelayEnd.SourceEnded)
            {
                await visitor.Output.CompleteAsync();
            }
        }
        catch (StreamResetException)
        {
            visitor.Abort();
        }
        catch (IOException)
        {
            stream.Abort(ResetCode.Cancelled);
        }
    }
}
