using System.Buffers;
using Tunnel.Http.Heads;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Step 9: the origin's answer head as the visitor gets it. The agent is not trusted with the visitor's connection: what
/// concerns the connection is decided here.
/// </summary>
internal static class AnswerHeadForwarder
{
    /// <summary>How the body is framed for a visitor that speaks <paramref name="version"/>.</summary>
    public static BodyFraming FramingFor(ProtocolVersion version, in BodyFraming origin) => origin.Kind switch
    {
        BodyKind.Chunked or BodyKind.UntilClose =>
            version == ProtocolVersion.Http11 ? BodyFraming.Chunked : BodyFraming.UntilClose,
        _ => origin,
    };

    /// <summary>
    /// Takes out what does not go on, before anything of ours goes in: what an origin names in Connection is a field it sent,
    /// never one of ours (Date, Strict-Transport-Security).
    /// </summary>
    public static void Prepare(HeaderList headers)
    {
        HopByHop.Remove(headers);
        headers.RemoveAliases();
        headers.Remove(KnownHeader.TunnelError);
    }

    /// <summary>A final answer, prepared.</summary>
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
        Prepare(head.Headers);
        var writer = new HeadWriter(output);
        writer.StatusLine(head);
        writer.Fields(head.Headers);
        writer.Upgrade(head.Upgrade);
        writer.End();
    }
}
