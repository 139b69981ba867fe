using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Tunnel.Http.Heads;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Edge;

/// <summary>Writes an <see cref="EdgeError"/> as an answer: plain text, or JSON for whoever prefers it.</summary>
internal static class ErrorPage
{
    /// <param name="request">The request answered; one that could not be read may be only partly filled.</param>
    /// <param name="requestId">For the person who asks us about it; also in our log.</param>
    /// <param name="hsts">The value of Strict-Transport-Security; null: none.</param>
    /// <returns>Bytes of content.</returns>
    public static int Write(PipeWriter output, EdgeError error, RequestHead request, string requestId, bool keepAlive, byte[]? hsts = null)
    {
        bool isJson = PrefersJson(request.Headers);
        byte[] body = isJson ? Json(error, requestId) : Text(error, requestId);

        var head = new HeadWriter(output);
        head.StatusLine(error.Status);
        head.Field(KnownHeader.ContentType, isJson ? "application/json"u8 : "text/plain; charset=utf-8"u8);
        head.Field(KnownHeader.TunnelError, Encoding.ASCII.GetBytes(error.Code));
        head.Field(KnownHeader.CacheControl, "no-store"u8);
        head.Field("X-Content-Type-Options"u8, "nosniff"u8);
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

        output.Write(body);
        return body.Length;
    }

    /// <summary>JSON is named, and named before HTML or plain text.</summary>
    private static bool PrefersJson(HeaderList headers)
    {
        foreach (ReadOnlySpan<byte> member in headers.Members(KnownHeader.Accept))
        {
            int parameters = member.IndexOf((byte)';');
            ReadOnlySpan<byte> type = parameters < 0 ? member : member[..parameters].TrimEnd((byte)' ');
            if (Ascii.EqualsIgnoreCase(type, "application/json"u8) || Ascii.EqualsIgnoreCase(type, "application/problem+json"u8))
            {
                return true;
            }

            if (Ascii.EqualsIgnoreCase(type, "text/html"u8) || Ascii.EqualsIgnoreCase(type, "text/plain"u8))
            {
                return false;
            }
        }

        return false;
    }

    private static byte[] Text(EdgeError error, string requestId) => Encoding.UTF8.GetBytes(
        $"{error.Status} {Encoding.ASCII.GetString(ReasonPhrases.For(error.Status))}\n\n{error.Says}\n\nCode: {error.Code}\nRequest: {requestId}\n");

    private static byte[] Json(EdgeError error, string requestId)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("status", error.Status);
            json.WriteString("error", error.Code);
            json.WriteString("message", error.Says);
            json.WriteString("requestId", requestId);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
