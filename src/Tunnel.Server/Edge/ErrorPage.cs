using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Tunnel.Http.Heads;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Edge;

/// <summary>Writes an <see cref="EdgeError"/> as an answer: plain text, JSON for programs that prefer it, a page for people.</summary>
internal static class ErrorPage
{
    /// <param name="request">The request answered; one that could not be read may be only partly filled.</param>
    /// <param name="requestId">For the person who asks us about it; also in our log.</param>
    /// <param name="hsts">The value of Strict-Transport-Security; null: none.</param>
    /// <param name="errors">Where codes are explained; null: nowhere.</param>
    /// <returns>Bytes of content.</returns>
    public static int Write(PipeWriter output, EdgeError error, RequestHead request, string requestId, bool keepAlive, byte[]? hsts = null, ErrorsUrl? errors = null)
    {
        PageKind kind = error.Content is null ? PageKinds.Of(request.Headers) : PageKind.Text;
        string? help = error.IsError ? errors?.Of(error.Code) : null;
        ReadOnlyMemory<byte> body = error.Content ?? kind switch
        {
            PageKind.Html => HtmlPage.Of(error, requestId, help),
            PageKind.Json => Json(error, requestId, help),
            _ => Text(error, requestId, help),
        };

        var head = new HeadWriter(output);
        head.StatusLine(error.Status);
        head.Field(KnownHeader.ContentType, TypeOf(kind));
        if (error.IsError)
        {
            head.Field(KnownHeader.TunnelError, Encoding.ASCII.GetBytes(error.Code));
        }

        head.Field(KnownHeader.CacheControl, "no-store"u8);
        head.Field("X-Content-Type-Options"u8, "nosniff"u8);
        if (kind == PageKind.Html)
        {
            head.Field("Content-Security-Policy"u8, HtmlPage.PolicyFor(error));
            head.Field("Referrer-Policy"u8, "no-referrer"u8);
        }

        if (hsts is not null)
        {
            head.Field(EntryRules.StrictTransportSecurity, hsts);
        }

        if (error.Location is { } location)
        {
            head.Field(KnownHeader.Location, Encoding.ASCII.GetBytes(location));
        }

        if (error.Challenge is { } challenge)
        {
            head.Field(KnownHeader.WwwAuthenticate, Encoding.ASCII.GetBytes(challenge));
        }

        if (error.RetryAfter is { } seconds)
        {
            head.Field(KnownHeader.RetryAfter, seconds);
        }

        if (error.Refresh is { } pause)
        {
            head.StartField("Refresh"u8);
            head.Value(pause);
            head.EndField();
        }

        if (!keepAlive)
        {
            head.Field(KnownHeader.Connection, "close"u8);
        }
        else if (request.Version == ProtocolVersion.Http10)
        {
            head.Field(KnownHeader.Connection, "keep-alive"u8);
        }

        head.Framing(BodyFraming.OfLength(body.Length));
        head.End();
        if (request.Method == RequestMethod.Head)
        {
            return 0;
        }

        output.Write(body.Span);
        return body.Length;
    }

    private static ReadOnlySpan<byte> TypeOf(PageKind kind) => kind switch
    {
        PageKind.Html => "text/html; charset=utf-8"u8,
        PageKind.Json => "application/json"u8,
        _ => "text/plain; charset=utf-8"u8,
    };

    private static byte[] Text(EdgeError error, string requestId, string? help)
    {
        string code = error.IsError ? $"Code: {error.Code}\n" : "";
        string where = help is null ? "" : $"Help: {help}\n";
        return Encoding.UTF8.GetBytes(
            $"{error.Status} {Encoding.ASCII.GetString(ReasonPhrases.For(error.Status))}\n\n{error.Says}\n\n{code}Request: {requestId}\n{where}");
    }

    private static byte[] Json(EdgeError error, string requestId, string? help)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("status", error.Status);
            if (error.IsError)
            {
                json.WriteString("error", error.Code);
            }

            json.WriteString("message", error.Says);
            json.WriteString("requestId", requestId);
            if (help is not null)
            {
                json.WriteString("help", help);
            }

            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
