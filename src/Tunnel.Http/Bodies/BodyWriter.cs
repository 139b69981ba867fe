using System.Buffers;
using System.Buffers.Text;
using Tunnel.Http.Heads;

namespace Tunnel.Http.Bodies;

/// <summary>
/// Puts content into the framing of the message that is sent (RFC 9112 sections 6 and 7.1). It buffers nothing and counts
/// what it writes: a body of a known length can be neither short nor over. One writer serves all messages of a connection.
/// Not for several threads.
/// </summary>
public sealed class BodyWriter
{
    /// <summary>The most hexadecimal digits of a chunk size.</summary>
    private const int MostSizeDigits = 16;

    private BodyKind _kind;
    private long _remaining;
    private bool _ended = true;

    /// <summary>Whether <see cref="End"/> would succeed now: nothing of a known length is missing.</summary>
    public bool MayEnd => _kind != BodyKind.Length || _remaining == 0;

    /// <summary>Begins the body of the next message; the framing must be the one its head was written with.</summary>
    public void Start(in BodyFraming framing)
    {
        _kind = framing.Kind;
        _remaining = framing.Kind == BodyKind.Length ? framing.Length.GetValueOrDefault() : 0;
        _ended = false;
    }

    /// <summary>Writes a piece of content; as one chunk where there are chunks. An empty piece writes nothing.</summary>
    /// <exception cref="InvalidOperationException">More than the length, content where none may be, or after the end.</exception>
    public void Write(IBufferWriter<byte> output, in ReadOnlySequence<byte> content)
    {
        if (!Account(content.Length))
        {
            return;
        }

        StartChunk(output, content.Length);
        foreach (var segment in content)
        {
            output.Write(segment.Span);
        }

        EndChunk(output);
    }

    /// <inheritdoc cref="Write(IBufferWriter{byte}, in ReadOnlySequence{byte})"/>
    public void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> content)
    {
        if (!Account(content.Length))
        {
            return;
        }

        StartChunk(output, content.Length);
        output.Write(content);
        EndChunk(output);
    }

    /// <summary>
    /// Reframes: takes the content out of everything at hand and writes it on in this writer's framing. Returns Complete
    /// with the last content, so that the end can go with it.
    /// </summary>
    /// <param name="reader">The body as it comes, begun already.</param>
    /// <param name="buffer">Everything received and not consumed.</param>
    /// <param name="output">Where the content goes.</param>
    /// <param name="consumed">Behind what was taken.</param>
    /// <param name="examined">As consumed, or the end when more is needed.</param>
    /// <exception cref="InvalidOperationException">As <see cref="Write(IBufferWriter{byte}, ReadOnlySpan{byte})"/>.</exception>
    public BodyOutcome Reframe(
        BodyReader reader,
        ReadOnlySequence<byte> buffer,
        IBufferWriter<byte> output,
        out SequencePosition consumed,
        out SequencePosition examined)
    {
        while (true)
        {
            var outcome = reader.Read(buffer, out var content, out consumed, out examined);
            if (outcome != BodyOutcome.Content)
            {
                return outcome;
            }

            Write(output, content);
            buffer = buffer.Slice(consumed);
            if (reader.IsComplete)
            {
                return BodyOutcome.Complete;
            }
        }
    }

    /// <summary>Ends the body: the last chunk and the trailer fields where there are chunks, otherwise nothing.</summary>
    /// <param name="output">Where the body goes.</param>
    /// <param name="trailers">Fields that may travel as trailers, as <see cref="BodyReader.Trailers"/> are.</param>
    /// <exception cref="InvalidOperationException">Content is missing, or the body has ended already.</exception>
    public void End(IBufferWriter<byte> output, HeaderList? trailers = null)
    {
        if (_ended || !MayEnd)
        {
            throw new InvalidOperationException(_ended ? "The body has ended." : "The body is shorter than its length.");
        }

        _ended = true;
        if (_kind != BodyKind.Chunked)
        {
            return;
        }

        output.Write("0\r\n"u8);
        var writer = new HeadWriter(output);
        if (trailers is not null)
        {
            writer.Fields(trailers);
        }

        writer.End();
    }

    /// <summary>Counts content; false when there is nothing to write.</summary>
    private bool Account(long length)
    {
        if (length == 0)
        {
            return false;
        }

        if (_ended || _kind == BodyKind.None || (_kind == BodyKind.Length && length > _remaining))
        {
            throw new InvalidOperationException(_ended ? "The body has ended." : "The body is longer than its framing says.");
        }

        if (_kind == BodyKind.Length)
        {
            _remaining -= length;
        }

        return true;
    }

    private void StartChunk(IBufferWriter<byte> output, long length)
    {
        if (_kind == BodyKind.Chunked)
        {
            var span = output.GetSpan(MostSizeDigits + 2);
            Utf8Formatter.TryFormat(length, span, out var digits, new StandardFormat('x'));
            "\r\n"u8.CopyTo(span[digits..]);
            output.Advance(digits + 2);
        }
    }

    private void EndChunk(IBufferWriter<byte> output)
    {
        if (_kind == BodyKind.Chunked)
        {
            output.Write("\r\n"u8);
        }
    }
}
