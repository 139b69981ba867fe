using System.Globalization;
using System.Text;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Pair;

/// <summary>An answer as it came, taken out of its framing.</summary>
public sealed record Answer(string Head, byte[] Body, string Trailers)
{
    public int Status => int.Parse(Head.Split(' ')[1], CultureInfo.InvariantCulture);

    public string Text => Encoding.Latin1.GetString(Body);

    /// <summary>The one value of a field; null when it is not there.</summary>
    public string? this[string name] => Head.Field(name);
}

/// <summary>How tests read messages, and how scripted origins play.</summary>
public static class Talk
{
    /// <summary>The one value of a field of a head; null when it is not there.</summary>
    public static string? Field(this string head, string name) => head.Fields(name).SingleOrDefault();

    public static string[] Fields(this string head, string name) =>
    [
        .. head.Split("\r\n").Skip(1)
            .Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
            .Select(line => line[(name.Length + 1)..].Trim()),
    ];

    /// <summary>The next answer, interim ones included.</summary>
    /// <exception cref="EndOfStreamException">The connection ended before the answer was whole.</exception>
    public static async Task<Answer> ReadAnswerAsync(this ScriptedConnection connection, bool hasBody = true)
    {
        string head = await connection.ReadHeadAsync() ?? throw new EndOfStreamException("No answer came.");
        int status = int.Parse(head.Split(' ')[1], CultureInfo.InvariantCulture);
        if (!hasBody || status is < 200 or 204 or 304)
        {
            return new Answer(head, [], "");
        }

        if (head.Field("Content-Length") is null && head.Field("Transfer-Encoding") is null)
        {
            return new Answer(head, await connection.ReadToEndAsync(), "");
        }

        (byte[] body, string trailers) = await connection.ReadBodyAsync(head);
        return new Answer(head, body, trailers);
    }

    /// <summary>The body behind a head, by Content-Length or in chunks; empty when the head announces none.</summary>
    public static async Task<(byte[] Body, string Trailers)> ReadBodyAsync(this ScriptedConnection connection, string head)
    {
        if (head.Field("Transfer-Encoding") is null)
        {
            return (await connection.ReadExactlyAsync(int.Parse(head.Field("Content-Length") ?? "0", CultureInfo.InvariantCulture)), "");
        }

        var body = new MemoryStream();
        while (await connection.ReadChunkAsync() is { Length: > 0 } chunk)
        {
            body.Write(chunk);
        }

        var trailers = new StringBuilder();
        while (await connection.ReadLineAsync() is { Length: > 0 } line)
        {
            trailers.Append(line).Append("\r\n");
        }

        return (body.ToArray(), trailers.ToString());
    }

    /// <summary>One chunk; of the last one only its size line.</summary>
    public static async Task<byte[]> ReadChunkAsync(this ScriptedConnection connection)
    {
        int size = int.Parse(await connection.ReadLineAsync(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        if (size == 0)
        {
            return [];
        }

        byte[] chunk = await connection.ReadExactlyAsync(size);
        (await connection.ReadLineAsync()).Should().BeEmpty();
        return chunk;
    }

    public static Task WriteChunkAsync(this ScriptedConnection connection, string text) =>
        connection.WriteAsync($"{text.Length:x}\r\n{text}\r\n");

    /// <summary>An origin that answers each request of a connection, its body read before.</summary>
    public static Func<ScriptedConnection, Task> Origin(Func<string, byte[], string> answer) => async connection =>
    {
        while (await connection.ReadHeadAsync() is { } head)
        {
            (byte[] body, _) = await connection.ReadBodyAsync(head);
            await connection.WriteAsync(answer(head, body));
        }
    };

    /// <summary>An origin that answers everything with this.</summary>
    public static Func<ScriptedConnection, Task> Origin(string answer) => Origin((_, _) => answer);

    /// <summary>An answer of this text.</summary>
    public static string Ok(string text, string fields = "") =>
        $"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n{fields}\r\n{text}";
}
