using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Transport;

namespace Tunnel.Server.Forwarding;

/// <summary>Raw bytes between a visitor and a stream; half-close is kept, a break on one side breaks the other.</summary>
internal static class RawRelay
{
    /// <summary>Runs until both directions have ended.</summary>
    /// <param name="abort">Breaks the visitor's connection; from any thread.</param>
    /// <param name="piece">Bytes that the visitor is given at one time.</param>
    public static async ValueTask RunAsync(PipeReader input, PipeWriter output, Action abort, ITunnelStream stream, int piece)
    {
        Task up = CopyUpAsync(input, stream);
        Task down = CopyDownAsync(output, abort, stream, piece);
        await Task.WhenAll(up, down);
    }

    private static async Task CopyUpAsync(PipeReader input, ITunnelStream stream)
    {
        try
        {
            RelayEnd end;
            do
            {
                // A cancelled read was meant for a connection that waits for a request.
                end = await Relay.CopyAsync(input, stream.Output);
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

    private static async Task CopyDownAsync(PipeWriter output, Action abort, ITunnelStream stream, int piece)
    {
        try
        {
            RelayEnd end;
            do
            {
                // A cancelled read was meant for an exchange that waits for its answer.
                end = await Relay.CopyAsync(stream.Input, output, mostAtOnce: piece);
            }
            while (end == RelayEnd.Cancelled);

            if (end == RelayEnd.SourceEnded)
            {
                await output.CompleteAsync();
            }
        }
        catch (StreamResetException)
        {
            abort();
        }
        catch (IOException)
        {
            stream.Abort(ResetCode.Cancelled);
        }
    }
}
