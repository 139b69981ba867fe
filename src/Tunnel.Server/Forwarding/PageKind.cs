using System.Buffers.Text;
using System.Text;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Forwarding;

/// <summary>How a visitor is told what the edge has to say itself.</summary>
internal enum PageKind
{
    /// <summary>For programs, and whoever does not say.</summary>
    Text,
    Json,

    /// <summary>For people in front of a browser.</summary>
    Html,
}

/// <summary>Who reads an answer of our own, as the request says (docs/operating.md, "What a visitor sees when there is no answer").</summary>
internal static class PageKinds
{
    /// <summary>
    /// The kind named first in Accept. HTML only if nothing named behind it is liked better, and only for what fills a window:
    /// a script or a frame that asks for HTML gets text.
    /// </summary>
    public static PageKind Of(HeaderList headers)
    {
        PageKind? first = null;
        decimal liking = 0;
        foreach (ReadOnlySpan<byte> member in headers.Members(KnownHeader.Accept))
        {
            int parameters = member.IndexOf((byte)';');
            ReadOnlySpan<byte> type = parameters < 0 ? member : member[..parameters].TrimEnd((byte)' ');
            if (KindOf(type) is not { } kind)
            {
                continue;
            }

            decimal quality = parameters < 0 ? 1 : QualityIn(member[parameters..]);
            if (first is null && kind != PageKind.Html)
            {
                return kind;
            }

            if (kind != PageKind.Html && quality > liking)
            {
                return PageKind.Text;
            }

            liking = first is null ? quality : liking;
            first = PageKind.Html;
        }

        return first == PageKind.Html && liking > 0 && (!headers.TryGet("Sec-Fetch-Dest"u8, out ReadOnlySpan<byte> dest) || dest.SequenceEqual("document"u8))
            ? PageKind.Html
            : PageKind.Text;
    }

    /// <summary>Somebody opens a page in a window of a browser, and nothing else is asked for: asking again does no harm.</summary>
    public static bool IsNavigation(RequestHead request) =>
        request.Method == RequestMethod.Get
        && !request.Framing.HasContent
        && request.Headers.TryGet("Sec-Fetch-Mode"u8, out ReadOnlySpan<byte> mode) && mode.SequenceEqual("navigate"u8)
        && request.Headers.TryGet("Sec-Fetch-Dest"u8, out ReadOnlySpan<byte> dest) && dest.SequenceEqual("document"u8)
        && Of(request.Headers) == PageKind.Html;

    private static PageKind? KindOf(ReadOnlySpan<byte> type) =>
        Ascii.EqualsIgnoreCase(type, "application/json"u8) || Ascii.EqualsIgnoreCase(type, "application/problem+json"u8) ? PageKind.Json
        : Ascii.EqualsIgnoreCase(type, "text/html"u8) ? PageKind.Html
        : Ascii.EqualsIgnoreCase(type, "text/plain"u8) ? PageKind.Text
        : null;

    // RFC 9110 section 12.4.2; what cannot be read is as if it were not there.
    private static decimal QualityIn(ReadOnlySpan<byte> parameters)
    {
        foreach (Range part in parameters.Split((byte)';'))
        {
            ReadOnlySpan<byte> parameter = parameters[part].Trim(" \t"u8);
            if (parameter.Length > 2 && (parameter[0] | 0x20) == 'q' && parameter[1] == '=' && Utf8Parser.TryParse(parameter[2..], out decimal quality, out _))
            {
                return quality;
            }
        }

        return 1;
    }
}
