using System.Buffers;
using System.IO.Pipelines;
using System.Text;

namespace Tunnel.TestSupport;

/// <summary>What tests keep doing with the halves of a link: send text, read so many bytes, read to the end.</summary>
public static class LinkText
{
    /// <summary>Writes and flushes.</summary>
    public static async Task SendAsync(this PipeWriter writer, string text) =>
        await writer.WriteAsync(Encoding.UTF8.GetBytes(text)).Within();

    /// <summary>Exactly so many bytes; what follows stays unread.</summary>
    /// <exception cref="EndOfStreamException">The end came first.</exception>
    public static async Task<byte[]> TakeAsync(this PipeReader reader, int bytes)
    {
        var result = await reader.ReadAtLeastAsync(bytes).Within();
        if (result.Buffer.Length < bytes)
        {
            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            throw new EndOfStreamException($"{result.Buffer.Length} of {bytes} bytes came.");
        }

        var taken = result.Buffer.Slice(0, bytes);
        var copy = taken.ToArray();
        reader.AdvanceTo(taken.End);
        return copy;
    }

    /// <summary>Exactly so many bytes as text.</summary>
    public static async Task<string> TakeTextAsync(this PipeReader reader, int bytes) =>
        Encoding.UTF8.GetString(await reader.TakeAsync(bytes));

    /// <summary>Everything up to the end.</summary>
    public static async Task<byte[]> TakeAllAsync(this PipeReader reader)
    {
        var all = new ArrayBufferWriter<byte>();
        while (true)
        {
            var result = await reader.ReadAsync().Within();
            foreach (var segment in result.Buffer)
            {
                all.Write(segment.Span);
            }

            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return all.WrittenSpan.ToArray();
            }
        }
    }
}
