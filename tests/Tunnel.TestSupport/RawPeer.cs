using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using Tunnel.Framing.Frames;

namespace Tunnel.TestSupport;

/// <summary>A frame as it stood on the wire; nothing is judged.</summary>
public sealed record RawFrame(uint StreamId, byte K, byte[] Payload)
{
    public FrameKind Kind => (FrameKind)(K & 0x1F);

    public bool IsFin => (K & 0x80) != 0;

    /// <summary>Bytes on the wire.</summary>
    public int Size => FrameHeader.Size + Payload.Length;

    /// <summary>The payload of PING, PONG and ACK.</summary>
    public ulong Number => BinaryPrimitives.ReadUInt64BigEndian(Payload);

    /// <summary>The payload of CREDIT.</summary>
    public uint Credit => BinaryPrimitives.ReadUInt32BigEndian(Payload);

    /// <summary>The code of RESET and CLOSE.</summary>
    public ushort Code => BinaryPrimitives.ReadUInt16BigEndian(Payload);

    /// <summary>The sentence of RESET and CLOSE.</summary>
    public string Sentence => Encoding.UTF8.GetString(Payload.AsSpan(sizeof(ushort)));

    /// <summary>The payload as text.</summary>
    public string Text => Encoding.UTF8.GetString(Payload);
}

/// <summary>
/// A peer with no manners: puts any bytes on a link, and shows what comes back frame by frame. One reader at a time.
/// </summary>
public sealed class RawPeer(IDuplexPipe link)
{
    private readonly Queue<RawFrame> _keptForLater = new();

    public IDuplexPipe Link => link;

    /// <summary>Sequenced bytes read so far: what a well-behaved peer would acknowledge.</summary>
    public ulong Sequenced { get; private set; }

    /// <summary>What the sender keeps of it as long as nothing is acknowledged (docs/protocol.md, section 7, "Keeping").</summary>
    public ulong KeptBySender { get; private set; }

    /// <summary>Any bytes at all.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await link.Output.WriteAsync(bytes).Within();

    /// <summary>A frame whose header says what is given, true or not.</summary>
    public Task SendAsync(uint streamId, byte k, int length, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[FrameHeader.Size + payload.Length];
        new FrameHeader(streamId, k, length).Write(frame);
        payload.CopyTo(frame.AsSpan(FrameHeader.Size));
        return SendAsync(frame);
    }

    /// <summary>A well-formed frame.</summary>
    public Task SendAsync(uint streamId, FrameKind kind, ReadOnlySpan<byte> payload, bool fin = false) =>
        SendAsync(Frame(streamId, kind, payload, fin));

    /// <summary>A well-formed frame of text.</summary>
    public Task SendAsync(uint streamId, FrameKind kind, string payload, bool fin = false) =>
        SendAsync(streamId, kind, Encoding.UTF8.GetBytes(payload), fin);

    /// <summary>PING, PONG or ACK.</summary>
    public Task SendNumberAsync(FrameKind kind, ulong number)
    {
        byte[] payload = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(payload, number);
        return SendAsync(0, kind, payload);
    }

    public Task SendCreditAsync(uint streamId, uint bytes)
    {
        byte[] payload = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(payload, bytes);
        return SendAsync(streamId, FrameKind.Credit, payload);
    }

    public Task SendResetAsync(uint streamId, ushort code, string detail = "") =>
        SendAsync(streamId, FrameKind.Reset, CodeAndText(code, detail));

    public Task SendCloseAsync(ushort code, string sentence = "") =>
        SendAsync(0, FrameKind.Close, CodeAndText(code, sentence));

    public Task SendOpenAsync(
        uint streamId, ReadOnlySpan<byte> firstBytes = default, bool fin = false, uint window = ProtocolLimits.FirstAnswerWindow) =>
        SendAsync(Open(streamId, firstBytes, fin, window));

    /// <summary>The bytes of a well-formed frame.</summary>
    public static byte[] Frame(uint streamId, FrameKind kind, ReadOnlySpan<byte> payload, bool fin = false)
    {
        var header = new FrameHeader(streamId, kind, payload.Length, fin);
        byte[] frame = new byte[header.FrameSize];
        header.Write(frame);
        payload.CopyTo(frame.AsSpan(FrameHeader.Size));
        return frame;
    }

    /// <summary>The bytes of a well-formed OPEN for tunnel 1.</summary>
    public static byte[] Open(uint streamId, ReadOnlySpan<byte> firstBytes, bool fin = false, uint window = ProtocolLimits.FirstAnswerWindow)
    {
        var open = new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, default, window);
        byte[] payload = new byte[open.Size + firstBytes.Length];
        open.Write(payload);
        firstBytes.CopyTo(payload.AsSpan(open.Size));
        return Frame(streamId, FrameKind.Open, payload, fin);
    }

    /// <summary>The next frame, or null at the end of the link.</summary>
    /// <exception cref="EndOfStreamException">The link ended inside a frame.</exception>
    public async Task<RawFrame?> ReadAsync() => _keptForLater.TryDequeue(out RawFrame? kept) ? kept : await ReadFromLinkAsync();

    /// <summary>The next frame of this kind, whatever comes before it: that is read later, in its order.</summary>
    /// <exception cref="InvalidOperationException">The link ended.</exception>
    public async Task<RawFrame> ExpectAheadAsync(FrameKind kind)
    {
        while (await ReadFromLinkAsync() is { } frame)
        {
            if (frame.Kind == kind)
            {
                return frame;
            }

            _keptForLater.Enqueue(frame);
        }

        throw new InvalidOperationException($"Waited for {kind}; what came was the end.");
    }

    private async Task<RawFrame?> ReadFromLinkAsync()
    {
        ReadResult start = await link.Input.ReadAtLeastAsync(FrameHeader.Size).Within();
        if (start.Buffer.Length < FrameHeader.Size)
        {
            bool isEmpty = start.Buffer.IsEmpty;
            link.Input.AdvanceTo(start.Buffer.End);
            return isEmpty ? null : throw new EndOfStreamException("The link ended inside a header.");
        }

        FrameHeader header = FrameHeader.Read(start.Buffer.Slice(0, FrameHeader.Size).ToArray());
        link.Input.AdvanceTo(start.Buffer.Start);
        ReadResult whole = await link.Input.ReadAtLeastAsync(header.FrameSize).Within();
        if (whole.Buffer.Length < header.FrameSize)
        {
            link.Input.AdvanceTo(whole.Buffer.End);
            throw new EndOfStreamException("The link ended inside a payload.");
        }

        byte[] payload = whole.Buffer.Slice(FrameHeader.Size, header.Length).ToArray();
        link.Input.AdvanceTo(whole.Buffer.GetPosition(header.FrameSize));
        Sequenced += header.IsSequenced ? (ulong)header.FrameSize : 0;
        KeptBySender += header.IsSequenced ? (ulong)(header.FrameSize + ProtocolLimits.KeptPerFrame) : 0;
        return new RawFrame(header.StreamId, header.K, payload);
    }

    /// <summary>The next frame of one of these kinds; PING, PONG and ACK on the way are passed over unless asked for.</summary>
    /// <exception cref="InvalidOperationException">Another kind came, or the end.</exception>
    public async Task<RawFrame> ExpectAsync(params FrameKind[] kinds)
    {
        while (true)
        {
            RawFrame? frame = await ReadAsync();
            if (frame is not null && kinds.Contains(frame.Kind))
            {
                return frame;
            }

            if (frame is null || frame.Kind is not (FrameKind.Ping or FrameKind.Pong or FrameKind.Ack))
            {
                string came = frame is null ? "the end" : frame.Kind is FrameKind.Close or FrameKind.Reset
                    ? $"{frame.Kind} {frame.Code} {frame.Sentence}"
                    : $"{frame.Kind} of stream {frame.StreamId}";
                throw new InvalidOperationException($"Waited for {string.Join(" or ", kinds)}; what came was {came}.");
            }
        }
    }

    /// <summary>Passes over everything until the CLOSE, reads on to the end of the link, and ends our side too.</summary>
    /// <exception cref="InvalidOperationException">The link ended without CLOSE, or something followed it.</exception>
    public async Task<RawFrame> ExpectCloseAsync()
    {
        List<RawFrame> frames = await ReadToEndAsync();
        if (frames.Count == 0 || frames[^1].Kind != FrameKind.Close || frames.Count(frame => frame.Kind == FrameKind.Close) != 1)
        {
            throw new InvalidOperationException(
                $"No CLOSE as the last of: {string.Join(", ", frames.Select(frame => $"{frame.Kind} {frame.StreamId}"))}");
        }

        await CompleteAsync();
        return frames[^1];
    }

    /// <summary>Everything up to the end of the link.</summary>
    public async Task<List<RawFrame>> ReadToEndAsync()
    {
        List<RawFrame> frames = [];
        while (await ReadAsync() is { } frame)
        {
            frames.Add(frame);
        }

        return frames;
    }

    /// <summary>Ends both directions of our side.</summary>
    public async Task CompleteAsync()
    {
        await link.Output.CompleteAsync();
        await link.Input.CompleteAsync();
    }

    private static byte[] CodeAndText(ushort code, string text)
    {
        byte[] payload = new byte[sizeof(ushort) + Encoding.UTF8.GetByteCount(text)];
        BinaryPrimitives.WriteUInt16BigEndian(payload, code);
        Encoding.UTF8.GetBytes(text, payload.AsSpan(sizeof(ushort)));
        return payload;
    }
}
