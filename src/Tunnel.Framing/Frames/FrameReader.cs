using System.Buffers;

namespace Tunnel.Framing.Frames;

/// <summary>Which end of a link speaks.</summary>
public enum LinkRole
{
    Server,
    Agent,
}

/// <summary>
/// Cuts frames from received bytes and judges each header before its payload is buffered
/// (docs/protocol.md, sections 2, 9 and 10). Holds no state: the caller keeps what is not consumed.
/// </summary>
public static class FrameReader
{
    /// <summary>
    /// Takes one whole frame off the front of <paramref name="buffer"/>. Returns false, consuming nothing,
    /// when more bytes are needed.
    /// </summary>
    /// <param name="buffer">Received bytes; on success advanced past the frame.</param>
    /// <param name="sender">Who sent them.</param>
    /// <param name="header">The frame's header.</param>
    /// <param name="payload">A slice of the input, valid as long as the input is.</param>
    /// <exception cref="ProtocolViolationException">The header breaks a rule.</exception>
    public static bool TryRead(
        ref ReadOnlySequence<byte> buffer, LinkRole sender, out FrameHeader header, out ReadOnlySequence<byte> payload)
    {
        payload = default;
        header = default;
        if (buffer.Length < FrameHeader.Size)
        {
            return false;
        }

        scoped ReadOnlySpan<byte> first = buffer.FirstSpan;
        Span<byte> copy = stackalloc byte[FrameHeader.Size];
        if (first.Length < FrameHeader.Size)
        {
            buffer.Slice(0, FrameHeader.Size).CopyTo(copy);
            first = copy;
        }

        header = FrameHeader.Read(first);
        FrameRules.Check(header, sender);
        if (buffer.Length < header.FrameSize)
        {
            return false;
        }

        payload = buffer.Slice(FrameHeader.Size, header.Length);
        buffer = buffer.Slice(payload.End);
        return true;
    }
}
