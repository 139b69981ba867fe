using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Tunnel.Server.Diagnostics;

/// <summary>
/// The two forms of a line in the access log, for requests and for raw connections. Whatever a visitor sent is escaped: a
/// line is a line, and a field ends where it ends.
/// </summary>
internal static class AccessLogFormat
{
    private const string TimeFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";

    private static readonly JsonWriterOptions Json = new() { SkipValidation = true };

    /// <summary><c>time visitor host "METHOD target" status in=N out=N routing=ms answer=ms total=ms error=code token=NAME id=ID</c></summary>
    public static void WriteText(IBufferWriter<byte> output, in AccessEntry entry)
    {
        WriteAscii(output, entry.Time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
        WriteAscii(output, $" {entry.Visitor} ");
        WriteEscaped(output, entry.Host.IsEmpty ? "-"u8 : entry.Host);
        output.Write(" \""u8);
        WriteEscaped(output, entry.Method);
        output.Write(" "u8);
        WriteEscaped(output, entry.Target);
        WriteAscii(output, string.Create(
            CultureInfo.InvariantCulture,
            $"\" {entry.Status} in={entry.BytesIn} out={entry.BytesOut} routing={Milliseconds(entry.Routing)} answer={Milliseconds(entry.Answering)} total={Milliseconds(entry.Total)} error={entry.Error ?? "-"} token={entry.Token ?? "-"} id="));
        WriteEscaped(output, entry.RequestId);
        output.Write("\n"u8);
    }

    /// <summary>One JSON object a line; times in milliseconds.</summary>
    public static void WriteJson(IBufferWriter<byte> output, in AccessEntry entry)
    {
        using (var json = new Utf8JsonWriter(output, Json))
        {
            json.WriteStartObject();
            json.WriteString("time", entry.Time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
            json.WriteString("visitor", entry.Visitor);
            json.WriteString("host", Encoding.Latin1.GetString(entry.Host));
            json.WriteString("method", Encoding.Latin1.GetString(entry.Method));
            json.WriteString("target", Encoding.Latin1.GetString(entry.Target));
            json.WriteNumber("status", entry.Status);
            json.WriteNumber("bytesIn", entry.BytesIn);
            json.WriteNumber("bytesOut", entry.BytesOut);
            json.WriteNumber("routingMs", Milliseconds(entry.Routing));
            json.WriteNumber("answerMs", Milliseconds(entry.Answering));
            json.WriteNumber("totalMs", Milliseconds(entry.Total));
            if (entry.Error is { } error)
            {
                json.WriteString("error", error);
            }

            if (entry.Token is { } token)
            {
                json.WriteString("token", token);
            }

            json.WriteString("requestId", Encoding.Latin1.GetString(entry.RequestId));
            json.WriteEndObject();
        }

        output.Write("\n"u8);
    }

    /// <summary><c>time visitor name kind in=N out=N routing=ms total=ms token=NAME end=HOW</c></summary>
    public static void WriteText(IBufferWriter<byte> output, in RawEntry entry)
    {
        WriteAscii(output, entry.Time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
        WriteAscii(output, $" {entry.Visitor} ");
        WriteEscaped(output, Encoding.Latin1.GetBytes(entry.Name));
        WriteAscii(output, string.Create(
            CultureInfo.InvariantCulture,
            $" {entry.Kind} in={entry.BytesIn} out={entry.BytesOut} routing={Milliseconds(entry.Routing)} total={Milliseconds(entry.Total)} token={entry.Token ?? "-"} end={entry.End}\n"));
    }

    /// <summary>One JSON object a line; times in milliseconds. It has <c>kind</c>, which lines of requests have not.</summary>
    public static void WriteJson(IBufferWriter<byte> output, in RawEntry entry)
    {
        using (var json = new Utf8JsonWriter(output, Json))
        {
            json.WriteStartObject();
            json.WriteString("time", entry.Time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
            json.WriteString("visitor", entry.Visitor);
            json.WriteString("kind", entry.Kind);
            json.WriteString("name", entry.Name);
            json.WriteNumber("bytesIn", entry.BytesIn);
            json.WriteNumber("bytesOut", entry.BytesOut);
            json.WriteNumber("routingMs", Milliseconds(entry.Routing));
            json.WriteNumber("totalMs", Milliseconds(entry.Total));
            if (entry.Token is { } token)
            {
                json.WriteString("token", token);
            }

            json.WriteString("end", entry.End);
            json.WriteEndObject();
        }

        output.Write("\n"u8);
    }

    private static double Milliseconds(TimeSpan time) => Math.Round(time.TotalMilliseconds, 2);

    // Everything but visible ASCII, and the two characters that end or begin something, is written as \xHH.
    private static void WriteEscaped(IBufferWriter<byte> output, ReadOnlySpan<byte> text)
    {
        Span<byte> span = output.GetSpan(text.Length * 4);
        int used = 0;
        foreach (byte octet in text)
        {
            if (octet is > 0x20 and < 0x7F and not (byte)'"' and not (byte)'\\')
            {
                span[used++] = octet;
            }
            else
            {
                "\\x"u8.CopyTo(span[used..]);
                Encoding.ASCII.GetBytes(octet.ToString("x2", CultureInfo.InvariantCulture), span[(used + 2)..]);
                used += 4;
            }
        }

        output.Advance(used);
    }

    private static void WriteAscii(IBufferWriter<byte> output, string text)
    {
        Span<byte> span = output.GetSpan(text.Length);
        output.Advance(Encoding.ASCII.GetBytes(text, span));
    }
}
