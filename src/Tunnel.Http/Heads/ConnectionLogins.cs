using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>
/// Authentication that is against the rule of HTTP (RFC 9110 section 11.1): it proves who is at the other end of the
/// connection, and every later request over that connection is taken for the same person's (RFC 4559 for Negotiate; NTLM).
/// </summary>
public static class ConnectionLogins
{
    /// <summary>Whether a request's <c>Authorization</c> begins such a login, or goes on with one.</summary>
    public static bool IsAsked(HeaderList request)
    {
        foreach (ReadOnlySpan<byte> credentials in request.Members(KnownHeader.Authorization))
        {
            if (IsBound(SchemeOf(credentials)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether an answer's <c>WWW-Authenticate</c> goes on with such a login, or ends it: the scheme and data. The bare scheme is
    /// an offer, and leaves no trace in the connection. (A comma or a scheme inside a quoted string may be taken for one.)
    /// </summary>
    public static bool IsUnderWay(HeaderList answer)
    {
        foreach (ReadOnlySpan<byte> challenge in answer.Members(KnownHeader.WwwAuthenticate))
        {
            ReadOnlySpan<byte> scheme = SchemeOf(challenge);
            if (scheme.Length < challenge.Length && IsBound(scheme))
            {
                return true;
            }
        }

        return false;
    }

    private static ReadOnlySpan<byte> SchemeOf(ReadOnlySpan<byte> member)
    {
        int end = member.IndexOfAny((byte)' ', (byte)'\t');
        return end < 0 ? member : member[..end];
    }

    // Nego2 and Kerberos are names that some servers of Windows know beside Negotiate.
    private static bool IsBound(ReadOnlySpan<byte> scheme) =>
        Ascii.EqualsIgnoreCase(scheme, "NTLM"u8)
        || Ascii.EqualsIgnoreCase(scheme, "Negotiate"u8)
        || Ascii.EqualsIgnoreCase(scheme, "Nego2"u8)
        || Ascii.EqualsIgnoreCase(scheme, "Kerberos"u8);
}
