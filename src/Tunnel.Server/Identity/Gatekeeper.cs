using System.Net;
using Microsoft.Extensions.Logging;
using Tunnel.Framing.Frames;
using Tunnel.Server.Diagnostics;
using Tunnel.Transport;

namespace Tunnel.Server.Identity;

/// <summary>
/// Decides who an agent is and what it may use: at every handshake, at every bind, and again whenever tokens change
/// (docs/security.md). Safe from any thread.
/// </summary>
internal sealed class Gatekeeper
{
    /// <summary>An agent waits so long for its names to be on the disk.</summary>
    private static readonly TimeSpan KeepTime = TimeSpan.FromSeconds(2);

    private readonly ServerOptions _options;
    private readonly TokenStore? _tokens;
    private readonly TokenSet _noTokens;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly PeerLines _failures;

    /// <param name="tokens">Null: this server has none, so only local agents can be admitted.</param>
    public Gatekeeper(ServerOptions options, TokenStore? tokens, TimeProvider time, ILogger log)
    {
        _options = options;
        _tokens = tokens;
        _noTokens = new TokenSet([], options.Domain);
        _time = time;
        _log = log;
        Throttle = new AddressThrottle(time);
        _failures = new PeerLines(time, log);
    }

    public AddressThrottle Throttle { get; }

    private TokenSet Tokens => _tokens?.Current ?? _noTokens;

    private DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Who the agent is. Null, with the refusal, when it is nobody.</summary>
    /// <param name="token">The member of HELLO.</param>
    public AgentIdentity? Identify(string? token, in LinkFacts link, out RejectMessage? refusal)
    {
        refusal = null;
        if (!link.IsLocal && !link.IsEncrypted && !_options.Agents.AllowPlaintext)
        {
            refusal = Refuse(
                RejectCodes.TlsRequired,
                "Agents from other machines must use TLS. Do not give --plaintext; if a token was sent like this, revoke it.");
            return null;
        }

        if (token is null)
        {
            if (link.IsLocal && !_options.Agents.RequireToken)
            {
                return AgentIdentity.Local;
            }

            refusal = Refuse(
                RejectCodes.TokenRequired,
                "This server admits agents with a token only. Make one on the server with 'tunnel-server token create NAME', then run 'tunnel-agent login' here and paste it.");
            return null;
        }

        return Verify(token, link, out refusal);
    }

    /// <summary>Null: it may use the name; otherwise why not, as a sentence.</summary>
    /// <param name="name">A public name.</param>
    public string? Judge(AgentIdentity who, string name)
    {
        TokenSet tokens = Tokens;
        TokenRecord? token = RecordOf(who, tokens);
        if (token is null && !who.IsLocal)
        {
            return $"The token '{who.Name}' is gone.";
        }

        return NameRights.Judge(tokens, token, name, Now);
    }

    /// <summary>The agent has the name now: it becomes its token's own, or is remembered as its, where that is the rule.</summary>
    /// <param name="isWanted">The agent asked for it. What the server chose is nobody's when its agent is gone.</param>
    /// <returns>Null, or why it cannot have it after all.</returns>
    public string? Claim(AgentIdentity who, string name, bool isWanted)
    {
        TokenSet tokens = Tokens;
        if (!isWanted || RecordOf(who, tokens) is not { } token)
        {
            return null;
        }

        if (NameRights.IsServing(tokens, token, name))
        {
            _tokens!.Remember(token, name);
        }

        return NameRights.IsClaim(tokens, token, name) ? _tokens!.Claim(token, name) : null;
    }

    /// <summary>The agent serves the name from now on: whether as passthrough is remembered while somebody owns the name.</summary>
    /// <param name="type">One of <see cref="TunnelTypes"/>.</param>
    public void Serves(AgentIdentity who, string name, string type)
    {
        TokenSet tokens = Tokens;
        if (type != TunnelTypes.Tcp && RecordOf(who, tokens) is { } token && tokens.Concerned(name).Contains(token))
        {
            _tokens!.NotePassthrough(token, name, type == TunnelTypes.Tls);
        }
    }

    /// <summary>
    /// Brings to the disk what its names have become to an agent, before it hears that it has them: what was said holds, however the
    /// server ends. A disk that takes nothing delays that, and does not prevent it; <see cref="TokenWatch"/> goes on trying.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled while it waited.</exception>
    public async Task KeepAsync(AgentIdentity who, CancellationToken cancel)
    {
        if (_tokens is null || !_tokens.HasUnsavedRight(who.Key))
        {
            return;
        }

        try
        {
            await Task.Run(() => TrySaveAsync(_tokens), cancel).WaitAsync(KeepTime, _time, cancel);
        }
        catch (TimeoutException)
        {
            // Said by TokenWatch, if it does not work in the end.
        }
    }

    /// <summary>Whether a name that nobody serves at the moment is somebody's who wants TLS for it passed on unopened.</summary>
    public bool IsPassthrough(string name) => Tokens.IsPassthrough(name);

    /// <summary>Null: the session may go on; otherwise why it must end now. Its names are judged one by one (<see cref="Judge"/>).</summary>
    public string? FindEnd(AgentIdentity who)
    {
        TokenRecord? token = RecordOf(who, Tokens);
        if (!who.IsLocal)
        {
            if (token is null)
            {
                return $"the token '{who.Name}' is not known any more";
            }

            if (token.Revoked is not null)
            {
                return $"the token '{who.Name}' was revoked";
            }

            if (!token.IsLive(Now))
            {
                return $"the token '{who.Name}' has expired";
            }
        }

        return null;
    }

    /// <summary>What an agent left open is chosen among what its token allows; what that leaves open as well, the server chooses freely.</summary>
    /// <param name="isTaken">Whether a whole name is served.</param>
    public TunnelRequest Complete(AgentIdentity who, TunnelRequest request, Func<string, bool> isTaken)
    {
        TokenRecord? token = RecordOf(who, Tokens);
        if (request.Type == TunnelTypes.Tcp)
        {
            return request.Port is null ? request with { Port = NameRights.ChoosePort(token, port => isTaken(TcpName.Of(port))) } : request;
        }

        return request.Subdomain is null && request.Hostname is null
            ? request with { Subdomain = NameRights.Choose(token, label => isTaken($"{label}.{_options.Domain}")) }
            : request;
    }

    /// <summary>Whether a name is known to be somebody's, so that nobody serving it means that its agent is offline.</summary>
    public bool IsKnown(string name) => Tokens.IsKnown(name, Now);

    private static TokenRecord? RecordOf(AgentIdentity who, TokenSet tokens) => who.IsLocal ? null : tokens.Find(who.Key);

    private static async Task TrySaveAsync(TokenStore tokens)
    {
        try
        {
            await tokens.SaveSoonAsync(CancellationToken.None);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // TokenWatch tries again every second, and says so.
        }
    }

    private AgentIdentity? Verify(string credential, in LinkFacts link, out RejectMessage? refusal)
    {
        TokenRecord? token = null;
        TokenVerdict verdict = _tokens?.Verify(credential, out token) ?? TokenVerdict.Unknown;
        if (verdict == TokenVerdict.Unknown && _tokens is not null)
        {
            // Made a moment ago, perhaps; somebody else may have taken it in since we looked.
            _tokens.Refresh(_log);
            verdict = _tokens.Verify(credential, out token);
        }

        refusal = verdict switch
        {
            TokenVerdict.Accepted => null,

            // Only who has the secret learns that there is such a token: to everybody else it is unknown.
            TokenVerdict.Revoked => Refuse(RejectCodes.TokenRevoked, $"The token '{token!.Name}' was revoked. Ask the server's owner for a new one."),
            TokenVerdict.Expired => Refuse(RejectCodes.TokenExpired, $"The token '{token!.Name}' has expired. Ask the server's owner for a new one."),
            _ => Refuse(RejectCodes.TokenUnknown, "This server does not know that token. 'tunnel-server token list' on the server shows those it knows."),
        };
        if (refusal is null)
        {
            return new AgentIdentity(token!.Id, token.Name);
        }

        Throttle.Failed(link.Remote.Address);
        int failures = _failures.Due(link.Remote.Address, "token failure");
        if (failures > 0)
        {
            ServerLog.TokenFailure(_log, link.Remote.Address, failures, token is null ? verdict.ToString() : $"{verdict} (token {token.Name})");
        }

        return null;
    }

    private static RejectMessage Refuse(string code, string message) => new() { Code = code, Message = message };
}

/// <summary>What is known of a link before its HELLO is read.</summary>
/// <param name="Remote">The agent's address.</param>
/// <param name="IsLocal">Both ends are loopback, and it came in at the agent port.</param>
internal readonly record struct LinkFacts(IPEndPoint Remote, bool IsLocal, bool IsEncrypted)
{
    /// <summary>A link at the agent port.</summary>
    public static LinkFacts Of(IPEndPoint local, IPEndPoint remote, bool isEncrypted) =>
        new(remote, LoopbackRule.IsLocal(local, remote), isEncrypted);
}
