using Tunnel.Agent.Diagnostics;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>One raw connection of a visitor, played to the origin byte for byte; half-closes and resets are kept.</summary>
internal static class RawExchange
{
    /// <summary>Runs on its own; the reader loop that calls this goes on at once.</summary>
    /// <param name="observer">Null: nobody watches.</param>
    /// <param name="ended">Called last, when nothing of the exchange is left.</param>
    public static void Start(OriginServices services, TunnelStream stream, IExchangeObserver? observer, Action ended) =>
        _ = Task.Run(() => RunAsync(services, stream, observer, ended));

    private static async Task RunAsync(OriginServices services, TunnelStream stream, IExchangeObserver? observer, Action ended)
    {
        var hold = new OriginHold();
        hold.Begin(stream);
        try
        {
            OriginConnection connection = await services.Pool.OpenAsync(stream.Open.Visitor, hold.Gone);
            hold.Use(connection);
            await OriginRawRelay.RunAsync(stream, connection, services.Memory.Piece, observer);
        }
        catch (OperationCanceledException)
        {
            // The visitor left before the origin was reached.
        }
        catch (DialException error)
        {
            Fail(services, stream, services.Faults.CodeOf(error), error.Message);
        }
        catch (OriginFaultException fault)
        {
            Fail(services, stream, fault.Code, fault.Message);
        }
        catch (Exception error)
        {
            // A fault of ours costs one connection, with its name in the log, not the process.
            AgentLog.RequestFault(services.Log, error);
            Fail(services, stream, ResetCode.InternalError, "");
        }
        finally
        {
            if (hold.End() is { } connection)
            {
                services.Pool.Discard(connection);
            }

            observer?.OnEnded(stream.ResetCode);
            stream.Dispose();
            ended();
        }
    }

    private static void Fail(OriginServices services, TunnelStream stream, ResetCode code, string detail)
    {
        services.Faults.Tell(code, detail);
        stream.Abort(code);
    }
}
