using System.IO.Pipelines;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Routing;
using Tunnel.Transport;
using Tunnel.Transport.Tls;

namespace Tunnel.Server.Edge;

/// <summary>
/// A visitor whose bytes go to a tunnel as they are: TLS that is not ours to open, or whatever a TCP tunnel carries. Each
/// direction ends by itself; a break on one side breaks the other.
/// </summary>
/// <param name="type">One of <see cref="TunnelTypes"/>; a tunnel of another type is none.</param>
/// <param name="name">The tunnel's name in the registry.</param>
internal sealed class RawVisitor(EdgeServices services, IConnection link, string type, string name) : IVisitor
{
    /// <summary>Null: whatever comes is passed on. Otherwise it must not begin with a PROXY header, and this is told when it does.</summary>
    public Action? OnProxyHeader { get; init; }

    /// <summary>No session changes so often in the time a visitor may wait; whatever does this is broken.</summary>
    private const int MostMoves = 16;

    private readonly BodyCopy _copy = new(services.Pool, services.Forwarding.Memory.Copies);
    private readonly RawRecord _record = new(services.Forwarding, type, name);
    private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PipeReader? _input;

    private PipeReader Input => _input ??= OnProxyHeader is null ? link.Input : new HeaderlessInput(link.Input, RefuseHeader);

    /// <inheritdoc/>
    public async Task RunAsync()
    {
        try
        {
            _copy.Begin();
            await ServeAsync();
        }
        catch (IOException)
        {
            // The visitor left before anybody answered.
            _record.Ended(RawEnds.VisitorReset);
            link.Abort();
        }
        catch (Exception error)
        {
            _record.Ended(RawEnds.InternalError);
            ServerLog.ConnectionFault(services.Log, error);
            link.Abort();
        }
        finally
        {
            _settled.TrySetResult();
            _copy.Drop();
            _record.Write(link.RemoteEndPoint.Address);
            await link.Input.CompleteAsync();
            await link.DisposeAsync();
        }
    }

    /// <summary>A raw connection has no next request to refuse: it runs on until it ends, or the grace does.</summary>
    public void Stop()
    {
    }

    /// <inheritdoc/>
    public Task WhenSettledAsync() => _settled.Task;

    /// <inheritdoc/>
    public void Abort()
    {
        _record.Ended(RawEnds.ServerStopped);
        link.Abort();
    }

    // On to the next session as long as one does not look at it.
    private async Task ServeAsync()
    {
        var forwarder = new RawForwarder(Input, link.Output, link.Abort, services.Forwarding.Memory.Piece, _copy, _record);
        TimeSpan arrivedAt = services.Registry.Now;
        IServingSession? refused = null;
        for (int moves = 0; ; moves++)
        {
            Route route = await RouteAsync(arrivedAt, refused);
            _record.Routed();
            _record.Token = route.Tunnel?.Session.TokenName ?? _record.Token;
            _settled.TrySetResult();
            if (route.Stream is null)
            {
                await RefuseAsync(EndOf(route.Outcome));
                return;
            }

            string? refusal;
            bool mustMove;
            using (route.Stream)
            {
                (refusal, mustMove) = await ServeOnAsync(forwarder, route, isLast: moves == MostMoves);
            }

            services.Registry.Release(name);
            if (refusal is not null)
            {
                await RefuseAsync(refusal);
                return;
            }

            if (!mustMove)
            {
                await link.Output.CompleteAsync();
                return;
            }

            // An OPEN that has left was seen and refused: the same session would refuse it again.
            refused = route.Stream.Id != 0 ? route.Tunnel!.Session : null;
        }
    }

    // Why the visitor is to be refused, if it is, or whether it is to go on to another session.
    private async Task<(string? Refusal, bool MustMove)> ServeOnAsync(RawForwarder forwarder, Route route, bool isLast)
    {
        // Whom the tunnel's rules keep out never reaches the agent: nothing of the stream has been sent.
        if (route.Tunnel!.Guard is { } guard && !guard.Admits(link.RemoteEndPoint.Address))
        {
            return (RawEnds.AccessDenied, false);
        }

        RawOutcome outcome = await forwarder.RunAsync(route.Stream!, isLast);
        if (outcome == RawOutcome.Refused && forwarder.Refusal.IsOriginAbsent())
        {
            route.Tunnel.OriginRefused(services.Registry.Now);
        }

        return (outcome == RawOutcome.Refused ? RawEnds.Of(forwarder.Refusal) : null, outcome == RawOutcome.Untouched);
    }

    private async Task<Route> RouteAsync(TimeSpan arrivedAt, IServingSession? refused)
    {
        VisitorAddress visitor = VisitorAddress.From(link.RemoteEndPoint);
        if (!services.Forwarding.Memory.HasRoomFor(visitor))
        {
            return new Route(RouteOutcome.TooBusy);
        }

        var open = new OpenHeader(StreamType.Raw, VisitorScheme.None, TunnelId: 0, visitor, AnswerWindow: 0);
        var request = new RouteRequest(open, type, arrivedAt, Bytes: name.Length, refused);
        byte[] host = Encoding.ASCII.GetBytes(name);
        Route route = services.Registry.Find(host, request, out WaitingRequest? held);
        while (route.Guard is { } guard && guard.Admits(link.RemoteEndPoint.Address))
        {
            route = services.Registry.Find(host, request with { AdmittedBy = guard }, out held);
        }

        if (held is null)
        {
            return route;
        }

        // A visitor that leaves while it waits takes its place along; one that has said something first may not be noticed.
        Task<ReadResult> reading = Input.ReadAsync().AsTask();
        try
        {
            if (await Task.WhenAny(held.Released, reading) != reading)
            {
                Input.CancelPendingRead();
            }

            ReadResult read = await reading;
            Input.AdvanceTo(read.Buffer.Start);
            if (read.IsCompleted && read.Buffer.IsEmpty && _copy.Length == 0)
            {
                held.Cancel();
            }
        }
        catch
        {
            held.Cancel();
            (await held.Released).Stream?.Dispose();
            throw;
        }

        Route late = await held.Released;
        if (late.Stream is { } stream && !services.Forwarding.Memory.HasRoomFor(visitor))
        {
            // Many may have waited for the same agent.
            stream.Dispose();
            return new Route(RouteOutcome.TooBusy);
        }

        return late;
    }

    // TLS has words for it, as long as nobody has answered; TCP has the reset.
    private async Task RefuseAsync(string how)
    {
        _record.Ended(how);
        if (type != TunnelTypes.Tls)
        {
            link.Abort();
            return;
        }

        ServerLog.HandshakeFailed(services.Log, link.RemoteEndPoint.ToString(), $"it is for {Hosting.Printable.Of(name)}, and the answer is {how}.");
        link.Output.WriteAlert(how switch
        {
            RawEnds.TunnelNotFound => TlsAlert.UnrecognizedName,
            RawEnds.AccessDenied => TlsAlert.AccessDenied,
            _ => TlsAlert.InternalError,
        });
        await link.Output.FlushAsync();
        await services.Parting.EndAsync(link);
    }

    private void RefuseHeader()
    {
        _record.Ended(RawEnds.ProxyHeader);
        OnProxyHeader!();
    }

    private static string EndOf(RouteOutcome outcome) => outcome switch
    {
        RouteOutcome.NotFound => RawEnds.TunnelNotFound,
        RouteOutcome.Offline => RawEnds.AgentOffline,
        RouteOutcome.TooBusy => RawEnds.TooBusy,
        RouteOutcome.Guarded => RawEnds.AccessDenied,
        _ => RawEnds.VisitorLeft,
    };
}
