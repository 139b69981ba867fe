using System.Buffers;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Edge;

/// <summary>
/// Step 9: heads of answers as HTTP/1.1 has them. What concerns the connection is decided here, for its own sake; what an
/// agent said of it has been taken out.
/// </summary>
internal static class AnswerHeadWriter
{
    /// <summary>How the body is framed for a visitor that speaks <paramref name="version"/>.</summary>
    public static BodyFraming FramingFor(ProtocolVersion version, in BodyFraming origin) => origin.Kind switch
    {
        BodyKind.Chunked or BodyKind.UntilClose =>
            version == ProtocolVersion.Http11 ? BodyFraming.Chunked : BodyFraming.UntilClose,
        _ => origin,
    };

    /// <summary>A final answer.</summary>
    public static void Write(IBufferWriter<byte> output, ResponseHead head, ProtocolVersion version, in BodyFraming framing, bool keepAlive)
    {
        var writer = new HeadWriter(output);
        writer.StatusLine(head);
        writer.Fields(head.Headers);
        writer.Framing(framing);
        if (!keepAlive)
        {
            writer.Field(KnownHeader.Connection, "close"u8);
        }
        else if (version == ProtocolVersion.Http10)
        {
            writer.Field(KnownHeader.Connection, "keep-alive"u8);
        }

        writer.End();
    }

    /// <summary>An interim answer, or the 101 that turns the connection over.</summary>
    public static void WriteInterim(IBufferWriter<byte> output, ResponseHead head)
    {
        var writer = new HeadWriter(output);
        writer.StatusLine(head);
        writer.Fields(head.Headers);
        writer.Upgrade(head.Upgrade);
        writer.End();
    }
}
