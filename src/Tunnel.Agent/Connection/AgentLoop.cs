using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Diagnostics;
using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Hosting;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Connection;

/// <summary>
/// Keeps the agent connected: dials, greets, serves the session, and begins again, for ever, with backoff (DESIGN section
/// 5, "Reconnect"). Gives up only on what retrying cannot cure.
/// </summary>
internal sealed class AgentLoop
{
    private const uint TunnelId = 1;

    private readonly AgentOptions _options;
    private readonly OriginServices _origin;
    private readonly SessionOptions _sessionOptions;
    private readonly IAgentEvents _events;
    private readonly ILogger _log;
    private readonly Dialer _dialer;
    private readonly Backoff _backoff = new(Random.Shared);
    private readonly string _instance = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));
    private volatile Session? _session;
    private string? _heldName;

    public AgentLoop(AgentOptions options, OriginServices origin, SessionOptions session, IAgentEvents events, ILogger log)
    {
        _options = options;
        _origin = origin;
        _sessionOptions = session;
        _events = events;
        _log = log;
        _dialer = new Dialer(session.Time);
    }

    /// <summary>Streams open in the session; 0 without one.</summary>
    public int OpenStreams => _session?.OpenStreams ?? 0;

    public bool IsConnected => _session is not null;

    private string Server => $"{_options.ServerHost}:{_options.ServerPort}";

    /// <summary>Runs until stopped, or until the server's refusal is final.</summary>
    /// <param name="stop">Leaves: running requests finish within the grace.</param>
    /// <param name="hurry">Ends the grace at once.</param>
    public async Task<AgentExit> RunAsync(CancellationToken stop, CancellationToken hurry)
    {
        while (!stop.IsCancellationRequested)
        {
            string reason;
            try
            {
                AgentLog.Connecting(_log, Server);
                (AgentExit? exit, reason) = await ConnectAsync(stop, hurry);
                if (exit is { } final)
                {
                    return final;
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }
            catch (OperationCanceledException)
            {
                reason = $"{Server} did not answer in time.";
            }
            catch (ProtocolViolationException violation)
            {
                reason = $"{Server} is not a tunnel server, or one of another kind ({violation.Code.Name()}).";
            }
            catch (IOException error)
            {
                reason = error.Message;
            }

            if (stop.IsCancellationRequested || !await PauseAsync(reason, stop))
            {
                break;
            }
        }

        return AgentExit.Stopped;
    }

    // One connection, from dialling to its end. An exit is returned only when trying again is pointless.
    private async Task<(AgentExit? Exit, string Reason)> ConnectAsync(CancellationToken stop, CancellationToken hurry)
    {
        Socket socket = await _dialer.DialAsync(_options.ServerHost, _options.ServerPort, _options.ServerConnectTime, stop);
        await using var link = new SocketConnection(socket, _sessionOptions.Pool, SocketConnectionOptions.Link);
        HandshakeAnswer answer;
        using (var limit = new CancellationTokenSource(_options.ServerConnectTime, _sessionOptions.Time))
        using (var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop))
        {
            answer = await Handshake.GreetAsync(link, Hello(), both.Token);
        }

        if (answer.Reject is { } reject)
        {
            return Judge(reject);
        }

        WelcomeMessage welcome = answer.Welcome!;
        if (welcome.Tunnels.FirstOrDefault(tunnel => tunnel.Id == TunnelId) is not { } grant)
        {
            throw new ProtocolViolationException(CloseCode.MalformedPayload, "WELCOME without the tunnel asked for.");
        }

        AgentLog.Connected(_log, Server, Printable.Of(welcome.Software ?? "unknown software"));
        _heldName = grant.Name;
        long since = _sessionOptions.Time.GetTimestamp();
        SessionEnd end = await ServeAsync(link, grant, stop, hurry);
        _backoff.LinkEnded(_sessionOptions.Time.GetElapsedTime(since));
        return (null, end.Kind switch
        {
            SessionEndKind.LinkLost => $"The connection to {Server} was lost. {Printable.Of(end.Message)}",
            SessionEndKind.ClosedByPeer => $"The server closed the session ({end.Code.Name()}): {Printable.Of(end.Message)}.",
            _ => $"The session was closed here ({end.Code.Name()}): {Printable.Of(end.Message)}.",
        });
    }

    private async Task<SessionEnd> ServeAsync(SocketConnection link, TunnelGrant grant, CancellationToken stop, CancellationToken hurry)
    {
        var player = new OriginPlayer(_origin, TunnelId, OnGoAway);
        var session = new Session(LinkRole.Agent, _sessionOptions, player);
        _session = session;
        try
        {
            Task<SessionEnd> running = session.RunAsync(link);
            await using CancellationTokenRegistration leave = stop.UnsafeRegister(
                _ => session.Leave("shutdown", reconnect: false, delay: TimeSpan.Zero, _options.Grace), null);
            await using CancellationTokenRegistration close = hurry.UnsafeRegister(
                _ => session.Close(CloseCode.Normal, "the agent stops"), null);
            try
            {
                _events.OnForwarding(grant, link.RemoteEndPoint);
            }
            finally
            {
                // Whatever the listener does: nobody leaves a session that still runs.
                await running;
                await player.WhenIdleAsync();
            }

            return await running;
        }
        finally
        {
            _session = null;
        }
    }

    private void OnGoAway(GoAwayMessage message)
    {
        if (message.Reconnect && message.Delay > 0)
        {
            _backoff.ServerNamed(TimeSpan.FromMilliseconds(message.Delay));
        }
    }

    private (AgentExit? Exit, string Reason) Judge(RejectMessage reject)
    {
        string message = Printable.Of(reject.Message);
        AgentExit? exit = reject.Code switch
        {
            RejectCodes.VersionMismatch => AgentExit.VersionRefused,
            RejectCodes.TokenRequired or RejectCodes.TokenRefused => AgentExit.TokenRefused,
            RejectCodes.NameRefused => AgentExit.NameRefused,

            // Who never held the name is told; who held it once keeps trying until it is free again.
            RejectCodes.NameConflict when _heldName is null => AgentExit.NameRefused,
            _ when !reject.Retry => AgentExit.NameRefused,
            _ => null,
        };
        if (exit is not null)
        {
            AgentLog.Refused(_log, Printable.Of(reject.Code), message);
        }

        if (reject.RetryAfter is { } milliseconds)
        {
            _backoff.ServerNamed(TimeSpan.FromMilliseconds(Math.Min(milliseconds, (long)Backoff.Longest.TotalMilliseconds)));
        }

        return (exit, $"The server says: {message}");
    }

    private async Task<bool> PauseAsync(string reason, CancellationToken stop)
    {
        TimeSpan delay = _backoff.Next();
        AgentLog.Reconnecting(_log, reason, delay.TotalSeconds);
        try
        {
            await Task.Delay(delay, _sessionOptions.Time, stop);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private HelloMessage Hello() => new()
    {
        Version = ProtocolLimits.Version,
        Software = Product.Software,
        Instance = _instance,
        Tunnels =
        [
            new TunnelRequest
            {
                Id = TunnelId,
                Type = "http",

                // A name the server chose stays ours until we exit.
                Subdomain = _options.Subdomain,
                Hostname = _options.Hostname ?? (_options.Subdomain is null ? _heldName : null),
                HostHeader = _options.HostHeader switch
                {
                    "preserve" => null,
                    "origin" => _options.OriginAuthority,
                    var value => value,
                },
                Via = _options.Via ? null : false,
            },
        ],
    };
}
