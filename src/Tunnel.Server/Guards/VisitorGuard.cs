using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Tunnel.Framing.Frames;

namespace Tunnel.Server.Guards;

/// <summary>
/// One tunnel's rules for its visitors, enforced before a request enters the session (403 access-denied and 401
/// auth-required of docs/operating.md, "What a visitor sees when there is no answer"). Safe from any thread.
/// </summary>
internal sealed class VisitorGuard
{
    /// <summary>Right credentials that are remembered, so that a page of a hundred pictures costs one hash.</summary>
    private const int MostRemembered = 256;

    private static readonly byte[] ProcessKey = RandomNumberGenerator.GetBytes(32);

    private readonly AddressRules _addresses;
    private readonly Dictionary<string, string> _users;
    private readonly PasswordChecks _passwords;
    private readonly ConcurrentDictionary<string, byte> _remembered = new(StringComparer.Ordinal);
    private readonly FairTurns.Share _share;
    private readonly string _rules;
    private readonly int _price;

    /// <param name="guard">Checked: <see cref="TunnelRequest.FindFault"/> found nothing.</param>
    /// <param name="name">The public name; the realm.</param>
    /// <param name="tenant">Whose tunnel it is.</param>
    public VisitorGuard(TunnelGuard guard, string name, string tenant, PasswordChecks passwords)
    {
        _passwords = passwords;
        _addresses = new AddressRules(guard.Allow, guard.Deny);
        _users = [];
        foreach (string user in guard.Users ?? [])
        {
            int colon = user.IndexOf(':', StringComparison.Ordinal);
            _users[user[..colon]] = user[(colon + 1)..];
        }

        _share = new FairTurns.Share(tenant);
        _price = _users.Values.Select(PasswordWork.PriceOf).DefaultIfEmpty().Max();
        _rules = RulesOf(guard);
        ForwardsAuthorization = _users.Count == 0 || (guard.ForwardAuth ?? false);
        Challenge = $"Basic realm=\"{name}\", charset=\"UTF-8\"";
    }

    /// <summary>Whether the origin sees the visitor's Authorization field: it is ours when we asked for it.</summary>
    public bool ForwardsAuthorization { get; }

    /// <summary>For WWW-Authenticate, when a name and a password are needed.</summary>
    public string Challenge { get; }

    /// <summary>Whether two tunnels let the same visitors through; null: everybody.</summary>
    public static bool HaveSameRules(VisitorGuard? one, VisitorGuard? other) => (one?._rules ?? "") == (other?._rules ?? "");

    /// <summary>Whether visitors from there may come at all.</summary>
    public bool Admits(IPAddress visitor) => _addresses.Admits(visitor);

    /// <summary>Whether a request may pass.</summary>
    /// <param name="authorization">The field's value; empty: none.</param>
    public ValueTask<GuardVerdict> JudgeAsync(IPAddress visitor, ReadOnlySpan<byte> authorization)
    {
        if (!Admits(visitor))
        {
            return new ValueTask<GuardVerdict>(GuardVerdict.AddressDenied);
        }

        if (_users.Count == 0)
        {
            return new ValueTask<GuardVerdict>(GuardVerdict.Admitted);
        }

        if (!BasicCredentials.TryParse(authorization, out BasicCredentials credentials))
        {
            return new ValueTask<GuardVerdict>(GuardVerdict.PasswordNeeded);
        }

        string memory = MemoryOf(credentials);
        return _remembered.ContainsKey(memory) ? new ValueTask<GuardVerdict>(GuardVerdict.Admitted) : CheckAsync(visitor, credentials, memory);
    }

    private async ValueTask<GuardVerdict> CheckAsync(IPAddress visitor, BasicCredentials credentials, string memory)
    {
        bool? isRight = await _passwords.CheckAsync(
            visitor, _share, credentials.Password, _users.GetValueOrDefault(credentials.User), _price);
        switch (isRight)
        {
            case null:
                return GuardVerdict.TooManyPasswords;
            case false:
                return GuardVerdict.PasswordNeeded;
            default:
                if (_remembered.Count >= MostRemembered)
                {
                    // There are at most as many right pairs as users, if passwords longer than bcrypt looks at are left out.
                    _remembered.Clear();
                }

                _remembered[memory] = 0;
                return GuardVerdict.Admitted;
        }
    }

    // Empty when it lets everybody through. The order in which they are listed is no difference.
    private static string RulesOf(TunnelGuard guard)
    {
        string[] parts =
        [
            .. (guard.Allow ?? []).Select(text => $"allow {text}"),
            .. (guard.Deny ?? []).Select(text => $"deny {text}"),
            .. (guard.Users ?? []).Select(text => $"user {text}"),
        ];
        return parts.Length == 0
            ? ""
            : $"{string.Join('\n', parts.Distinct().Order(StringComparer.Ordinal))}\n{guard.ForwardAuth ?? false}";
    }

    // Neither the password nor anything it can be guessed from stays in memory.
    private static string MemoryOf(BasicCredentials credentials) =>
        Convert.ToBase64String(HMACSHA256.HashData(ProcessKey, Encoding.UTF8.GetBytes($"{credentials.User}\n{credentials.Password}")));
}
