using Tunnel.Agent.Link;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Connection;

/// <summary>Why there is no link, in a sentence for the person who runs the agent; and whether trying again is pointless.</summary>
internal sealed class NoLinkException(string code, string message, AgentExit? exit = null, TimeSpan? retryAfter = null, Exception? inner = null)
    : IOException(message, inner)
{
    /// <summary>What the agent ends with; null: it tries again.</summary>
    public AgentExit? Exit { get; } = exit;

    /// <summary>As in docs/errors.md, unless a later server refused with one of its own.</summary>
    public string Code { get; } = code;

    /// <summary>What the server asks to wait.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>The clock of the server that refused, in seconds since 1970; null: it did not say.</summary>
    public long? ServerTime { get; init; }
}

/// <summary>Dials the server and greets it. Safe from any thread.</summary>
internal sealed class ServerLink(ConnectionServices services)
{
    private static readonly TimeSpan LongestNamed = TimeSpan.FromSeconds(15);

    private readonly LinkDialer _dialer = new(services.Options.Link, services.Session.Pool, services.Time);

    /// <summary>A connection on which nothing has been said; the caller owns it.</summary>
    /// <exception cref="NoLinkException">The server cannot be reached.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<IConnection> DialAsync(CancellationToken cancel)
    {
        await services.Doubt.WaitAsync(cancel);
        return await ExplainAsync(_dialer.DialAsync, cancel);
    }

    /// <summary>The first half of <see cref="DialAsync"/>: the way to the server, with nothing said on it.</summary>
    /// <exception cref="NoLinkException">The server cannot be reached.</exception>
    public Task<IConnection> ReachAsync(CancellationToken cancel) => ExplainAsync(_dialer.ReachAsync, cancel);

    /// <summary>The second half: TLS, where it is due.</summary>
    /// <param name="link">Taken over; ended when this throws.</param>
    /// <exception cref="NoLinkException">It did not come about, or the server is not the one that is meant.</exception>
    public Task<IConnection> SecureAsync(IConnection link, CancellationToken cancel) => ExplainAsync(limited => _dialer.SecureAsync(link, limited), cancel);

    /// <summary>Says HELLO and returns the server's WELCOME.</summary>
    /// <exception cref="NoLinkException">The server refused, or what answered is none.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<WelcomeMessage> GreetAsync(IConnection link, HelloMessage hello, CancellationToken cancel)
    {
        using var time = new CancellationTokenSource(services.Options.Link.ConnectTime, services.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(time.Token, cancel);
        HandshakeAnswer answer;
        try
        {
            answer = await Handshake.GreetAsync(link, hello, both.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new NoLinkException(AgentErrors.NotATunnelServer.Code, $"{services.Server} took the connection and then said nothing. {DialAdvice.AgentPort}");
        }
        catch (ProtocolViolationException violation)
        {
            throw new NoLinkException(
                AgentErrors.NotATunnelServer.Code, $"{services.Server} is not a tunnel-server ({violation.Code.Name()}). {DialAdvice.AgentPort}", inner: violation);
        }
        catch (IOException error)
        {
            throw new NoLinkException(
                AgentErrors.NotATunnelServer.Code,
                $"{services.Server} ended the connection without an answer: it is not the port for agents of a tunnel-server, or it turns this address away for now.",
                inner: error);
        }

        if (answer.IsHttp)
        {
            throw new NoLinkException(AgentErrors.NotATunnelServer.Code, $"{services.Server} answers as a web server does. {DialAdvice.AgentPort}");
        }

        if (answer.Reject is { } reject)
        {
            throw Refused(reject, services.Tunnels.HasHeld);
        }

        services.Doubt.Accepted();
        return answer.Welcome!;
    }

    private async Task<IConnection> ExplainAsync(Func<CancellationToken, Task<IConnection>> dial, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(services.Options.Link.ConnectTime, services.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            return await dial(both.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new NoLinkException(
                AgentErrors.ServerTimeout.Code, $"{services.Server} did not answer in time. {DialAdvice.For(DialFailure.TimedOut, services.Options.Link)}");
        }
        catch (LinkFaultException error)
        {
            throw new NoLinkException(error.Error.Code, error.Message, IsStrangerToStranger(error) ? AgentExit.TokenRefused : null, inner: error);
        }
        catch (DialException error)
        {
            throw new NoLinkException(
                DialAdvice.ErrorOf(error.Failure).Code, $"{error.Message} {DialAdvice.For(error.Failure, services.Options.Link)}", inner: error);
        }
        catch (IOException error)
        {
            throw new NoLinkException(AgentErrors.LinkLost.Code, error.Message, inner: error);
        }
    }

    // Neither knows the other: the server has nothing that vouches for it, and the agent has no token, without which it would
    // be refused even if it had. That changes by somebody's hand only. Who was connected before was not a stranger.
    private bool IsStrangerToStranger(LinkFaultException fault) =>
        services.Options.Link is { Token: null, CaFile: null } && !services.Tunnels.HasHeld && fault.Error == AgentErrors.ServerNotTrusted;

    /// <summary>What a refusal means to this agent: it ends, or it tries again.</summary>
    /// <param name="hasHeld">What it asked for was granted before.</param>
    public NoLinkException Refused(RejectMessage reject, bool hasHeld)
    {
        if (reject.Code is RejectCodes.TokenUnknown or RejectCodes.TokenExpired && services.Doubt.Refused() is { } wait)
        {
            return new NoLinkException(Printable.Of(reject.Code), $"The server says: {Printable.Of(reject.Message)} It took the token before.", retryAfter: wait) { ServerTime = reject.Time };
        }

        AgentExit? exit = reject.Code switch
        {
            RejectCodes.VersionMismatch => AgentExit.VersionRefused,
            RejectCodes.TokenRequired or RejectCodes.TokenUnknown or RejectCodes.TokenExpired or RejectCodes.TokenRevoked or RejectCodes.TlsRequired => AgentExit.TokenRefused,
            RejectCodes.NameRefused => AgentExit.NameRefused,

            // Who never held the name is told; who held it once keeps trying until it is free again.
            RejectCodes.NameConflict when !hasHeld => AgentExit.NameRefused,
            _ when !reject.Retry => AgentExit.NameRefused,
            _ => null,
        };
        TimeSpan? after = reject.RetryAfter is { } milliseconds
            ? TimeSpan.FromMilliseconds(Math.Min(milliseconds, (long)LongestNamed.TotalMilliseconds))
            : null;
        string message = Printable.Of(reject.Message);
        return new NoLinkException(Printable.Of(reject.Code), exit is null ? $"The server says: {message}" : message, exit, after) { ServerTime = reject.Time };
    }
}
