using System.Buffers;
using Tunnel.Framing.Flow;

namespace Tunnel.Framing.Resume;

/// <summary>A sequenced frame as it goes over a link, once or again: header and small payloads packed, large ones in place.</summary>
/// <param name="End">The count up to and with this frame.</param>
/// <param name="Front">Header, and everything of the payload that <paramref name="Body"/> does not have.</param>
/// <param name="FrontChunk">Where the front lies; one reference is this frame's.</param>
/// <param name="Body">Stream bytes that stayed where their user wrote them.</param>
/// <param name="BodyChunk">Where the body lies; one reference is this frame's. Null without a body.</param>
internal readonly record struct SentFrame(
    ulong End, ReadOnlyMemory<byte> Front, OutgoingChunk FrontChunk, ReadOnlyMemory<byte> Body, OutgoingChunk? BodyChunk)
{
    public int Size => Front.Length + Body.Length;

    public void CopyTo(Span<byte> destination)
    {
        Front.Span.CopyTo(destination);
        Body.Span.CopyTo(destination[Front.Length..]);
    }

    /// <summary>The link sends from here, and lets go of each chunk once that is done.</summary>
    public void AppendInPlace(Action<IMemoryOwner<byte>, ReadOnlyMemory<byte>> append)
    {
        FrontChunk.AddReference();
        append(FrontChunk, Front);
        if (BodyChunk is not null)
        {
            BodyChunk.AddReference();
            append(BodyChunk, Body);
        }
    }

    public void Release()
    {
        FrontChunk.Release();
        BodyChunk?.Release();
    }
}
