using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>Raw bytes between a stream and the origin; half-close is kept, a break on one side breaks the other.</summary>
internal static class OriginRawRelay
{
    /// <summary>Runs until both directions have ended.</summary>
    /// <param name="piece">Bytes that the origin is given at one time.</param>
    /// <param name="observer">Null: nobody watches.</param>
    /// <param name="upload">
    /// What copies the request's body to the origin, when it had one, and with it all that comes behind: it is the same stream.
    /// True: it came to the stream's end. Null: there was no body.
    /// </param>
    public static async ValueTask RunAsync(TunnelStream stream, OriginConnection origin, int piece, IExchangeObserver? observer, Task<bool>? upload = null)
    {
        Task down = upload is null ? CopyDownAsync(stream, origin, piece, observer) : EndDownAsync(upload, stream, origin);
        Task up = CopyUpAsync(stream, origin, observer);
        await Task.WhenAll(down, up);
    }

    private static async Task CopyDownAsync(TunnelStream stream, OriginConnection origin, int piece, IExchangeObserver? observer)
    {
        try
        {
            if (await Relay.CopyAsync(stream.Input, origin.Output, observer is null ? null : observer.OnSent, piece) == RelayEnd.SourceEnded)
            {
                await origin.Output.CompleteAsync();
            }
        }
        catch (StreamResetException)
        {
            origin.Abort();
        }
        catch (ConnectionBrokenException)
        {
            stream.Abort(ResetCode.OriginReset);
        }
    }

    private static async Task EndDownAsync(Task<bool> upload, TunnelStream stream, OriginConnection origin)
    {
        try
        {
            if (await upload)
            {
                await origin.Output.CompleteAsync();
            }
            else
            {
                stream.Abort(ResetCode.OriginReset);
            }
        }
        catch (ConnectionBrokenException)
        {
            stream.Abort(ResetCode.OriginReset);
        }
    }

    private static async Task CopyUpAsync(TunnelStream stream, OriginConnection origin, IExchangeObserver? observer)
    {
        try
        {
            if (await Relay.CopyAsync(origin.Input, stream.Output, observer is null ? null : observer.OnReceived) == RelayEnd.SourceEnded)
            {
                await stream.Output.CompleteAsync();
            }
        }
        catch (ConnectionBrokenException)
        {
            stream.Abort(ResetCode.OriginReset);
        }
    }
}
