namespace Tunnel.Server.Identity;

/// <summary>Which names become a token's own because it asked first, and how many.</summary>
internal static class FirstClaims
{
    /// <summary>Names one token may own because it asked first.</summary>
    public const int MostNames = 64;

    /// <summary>
    /// TCP ports likewise. A server has few, so no token gets many; further ones it may use while they are free, without
    /// keeping them.
    /// </summary>
    public const int MostPorts = 8;

    /// <summary>Whether the name becomes the token's own. Asked when it is claimed, and again when others have written the store.</summary>
    /// <param name="reason">Why the token cannot have it at all; null: it may use it, and keeps it or not.</param>
    public static bool MayKeep(TokenSet tokens, TokenRecord token, string name, DateTimeOffset now, out string? reason)
    {
        reason = null;
        if (token.Claims.Contains(name))
        {
            return true;
        }

        int ports = token.Claims.Count(claim => TcpName.TryParse(claim, out _));
        bool isPort = TcpName.TryParse(name, out _);
        if (isPort && ports >= MostPorts)
        {
            return false;
        }

        reason = !isPort && token.Claims.Count - ports >= MostNames
            ? $"The token '{token.Name}' owns {MostNames} names already, and that is the limit."
            : NameRights.Judge(tokens, token, name, now);
        return reason is null;
    }
}
