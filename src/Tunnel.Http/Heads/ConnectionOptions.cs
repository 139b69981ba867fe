using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>What the Connection fields of a message ask for (RFC 9110 section 7.6.1).</summary>
internal readonly record struct ConnectionOptions(bool Close, bool KeepAlive, bool Upgrade)
{
    /// <summary>Reads every Connection field; a member that is no token makes the message refusable.</summary>
    public static RejectReason Read(HeaderList headers, out ConnectionOptions options)
    {
        options = default;
        foreach (var member in headers.Members(KnownHeader.Connection))
        {
            if (member.ContainsAnyExcept(Octets.Token))
            {
                return RejectReason.ConnectionInvalid;
            }

            options = member.Length switch
            {
                5 when Ascii.EqualsIgnoreCase(member, "close"u8) => options with { Close = true },
                10 when Ascii.EqualsIgnoreCase(member, "keep-alive"u8) => options with { KeepAlive = true },
                7 when Ascii.EqualsIgnoreCase(member, "upgrade"u8) => options with { Upgrade = true },
                _ => options,
            };
        }

        return RejectReason.None;
    }

    /// <summary>Whether the sender means to go on after this message (RFC 9112 section 9.3); close wins.</summary>
    public bool Persists(ProtocolVersion version) => !Close && (KeepAlive || version == ProtocolVersion.Http11);
}
