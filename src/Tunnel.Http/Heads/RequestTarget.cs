using System.Text;

namespace Tunnel.Http.Heads;

/// <summary>The four forms of a request target and what each means for routing (RFC 9112 section 3.2).</summary>
internal static class RequestTarget
{
    /// <summary>Judges the raw target of a head whose method is known; sets form, target to send on, and any authority.</summary>
    public static RejectReason Read(RequestHead head)
    {
        var reason = Judge(head);
        if (reason == RejectReason.None && head.Target.ContainsAnyInRange((byte)0x80, (byte)0xFF))
        {
            head.TargetSlice = head.Headers.Page.AppendEscaped(head.TargetSlice);
        }

        return reason;
    }

    private static RejectReason Judge(RequestHead head)
    {
        var slice = head.RawTargetSlice;
        var text = head.RawTarget;
        if (text.ContainsAnyExcept(Octets.Target))
        {
            return text.Contains((byte)'#') ? RejectReason.FragmentInTarget : RejectReason.InvalidTarget;
        }

        if (head.Method == RequestMethod.Connect)
        {
            return ReadAuthority(head, slice);
        }

        head.TargetSlice = slice;
        if (text[0] == '/')
        {
            head.TargetForm = TargetForm.Origin;
            return RejectReason.None;
        }

        if (text.SequenceEqual("*"u8))
        {
            head.TargetForm = TargetForm.Asterisk;
            return head.Method == RequestMethod.Options ? RejectReason.None : RejectReason.AsteriskWithoutOptions;
        }

        return ReadAbsolute(head, slice, text);
    }

    /// <summary>CONNECT names a host and a port, both required (RFC 9110 section 9.3.6).</summary>
    private static RejectReason ReadAuthority(RequestHead head, PageSlice slice)
    {
        head.TargetForm = TargetForm.Authority;
        head.TargetSlice = slice;
        return TryTakeAuthority(head, slice) && head.Port is not null ? RejectReason.None : RejectReason.InvalidConnectTarget;
    }

    private static RejectReason ReadAbsolute(RequestHead head, PageSlice slice, ReadOnlySpan<byte> text)
    {
        var scheme = SchemeLength(text);
        if (scheme == 0)
        {
            return RejectReason.InvalidTarget;
        }

        var rest = text[scheme..];
        var pathStart = rest.IndexOfAny((byte)'/', (byte)'?');
        var authority = new PageSlice(slice.Start + scheme, pathStart < 0 ? rest.Length : pathStart);
        var rooted = pathStart >= 0 && rest[pathStart] == '/';
        head.TargetForm = TargetForm.Absolute;

        // The page may move from here on; the spans above are void.
        if (!TryTakeAuthority(head, authority))
        {
            return RejectReason.HostInvalid;
        }

        var path = new PageSlice(authority.End, slice.End - authority.End);
        head.TargetSlice = path switch
        {
            // The last proxy turns OPTIONS on a URL without path and query into '*' (RFC 9112 section 3.2.4).
            { Length: 0 } => head.Headers.Page.Append(head.Method == RequestMethod.Options ? "*"u8 : "/"u8),
            _ when rooted => path,
            _ => Rooted(head.Headers.Page, path),
        };
        return RejectReason.None;
    }

    /// <summary>Sets the effective authority; the host is copied only when it has upper-case letters.</summary>
    public static bool TryTakeAuthority(RequestHead head, PageSlice authority)
    {
        var page = head.Headers.Page;
        if (!HostName.TryParse(page[authority], out var nameLength, out var port))
        {
            return false;
        }

        var name = new PageSlice(authority.Start, nameLength);

        // A colon without a port says nothing, and not everybody reads it.
        head.AuthoritySlice = page[authority][^1] == ':' ? new PageSlice(authority.Start, authority.Length - 1) : authority;
        head.HostNameSlice = page[name].ContainsAnyInRange((byte)'A', (byte)'Z') ? page.AppendLowered(name) : name;
        head.Port = port;
        return true;
    }

    /// <summary>Length of <c>http://</c> or <c>https://</c>; other schemes are none of ours.</summary>
    private static int SchemeLength(ReadOnlySpan<byte> text) =>
        text.Length > 7 && Ascii.EqualsIgnoreCase(text[..7], "http://"u8) ? 7
        : text.Length > 8 && Ascii.EqualsIgnoreCase(text[..8], "https://"u8) ? 8
        : 0;

    private static PageSlice Rooted(HeadPage page, PageSlice query)
    {
        var slash = page.Append("/"u8);
        return new PageSlice(slash.Start, 1 + page.AppendCopy(query).Length);
    }
}
