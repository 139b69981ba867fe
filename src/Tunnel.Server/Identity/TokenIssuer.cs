using System.Buffers.Text;
using System.Security.Cryptography;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Server.Identity;

/// <summary>Makes and revokes tokens; what the <c>token</c> commands do.</summary>
internal sealed class TokenIssuer(TokenStore store, TimeProvider time)
{
    /// <summary>
    /// Makes a token. One that follows a dead token of the same name takes over what that one owned, so that a laptop's
    /// name stays a laptop's.
    /// </summary>
    /// <param name="wanted">Name, patterns and expiry; the rest is filled in here.</param>
    /// <param name="pin">Null: agents trust authorities instead.</param>
    /// <param name="server">Where agents dial.</param>
    /// <exception cref="ArgumentException">The name is in use.</exception>
    public async Task<(AgentToken Token, TokenRecord Record)> CreateAsync(TokenRecord wanted, byte[]? pin, string server)
    {
        byte[] secret = RandomNumberGenerator.GetBytes(AgentToken.SecretSize);
        var token = new AgentToken(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(AgentToken.IdSize)), secret, pin, server);
        TokenRecord record = wanted with
        {
            Id = token.Id,
            Hash = Convert.ToHexStringLower(TokenSet.HashOf(Base64Url.EncodeToString(secret))),
            Created = time.GetUtcNow(),
        };
        await store.ChangeAsync(tokens =>
        {
            TokenRecord? before = tokens.FirstOrDefault(token => token.Name == wanted.Name);
            if (before?.IsLive(record.Created) == true)
            {
                throw new ArgumentException($"There is a token '{wanted.Name}' already. Revoke it first ('tunnel-server token revoke {wanted.Name}'), or choose another name.");
            }

            // What was not the server's to open stays so, whatever the new patterns are: it counts for names they cover.
            record = record with { Passthrough = before?.Passthrough ?? [] };
            if (before is not null && !record.HasPatterns)
            {
                record = record with
                {
                    Subdomains = before.Subdomains,
                    Hostnames = before.Hostnames,
                    TcpPorts = before.TcpPorts,
                    Claims = before.Claims,
                };
            }

            record = record with { Served = before?.Served ?? [] };
            return [.. tokens.Where(token => token != before), record];
        });
        return (token, record);
    }

    /// <summary>Ends a token. Its names stay out of reach of everybody but the next token made for them.</summary>
    /// <param name="nameOrId">As <c>token list</c> shows them.</param>
    /// <param name="forget">Nothing is kept: its names are anybody's again.</param>
    /// <exception cref="ArgumentException">There is no such token.</exception>
    public async Task<TokenRecord> RevokeAsync(string nameOrId, bool forget)
    {
        TokenRecord? revoked = null;
        await store.ChangeAsync(tokens =>
        {
            TokenRecord found = tokens.FirstOrDefault(token => token.Name == nameOrId)
                ?? tokens.FirstOrDefault(token => token.Id == nameOrId)
                ?? throw new ArgumentException($"There is no token '{Hosting.Printable.Of(nameOrId)}'; 'tunnel-server token list' shows those there are.");
            revoked = found with { Revoked = found.Revoked ?? time.GetUtcNow() };
            return [.. tokens.Where(token => token != found), .. forget ? Array.Empty<TokenRecord>() : [revoked]];
        });
        return revoked!;
    }
}
