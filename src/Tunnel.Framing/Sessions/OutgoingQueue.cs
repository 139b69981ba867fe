using System.Buffers.Binary;
using System.IO.Pipelines;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Resume;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// Everything that waits to be sent, in the order of docs/architecture.md, "Whose turn it is to send": ACK, PONG, PING,
/// RESET and CREDIT first, each merged to one per session or stream, then the session's own messages, then streams in fair turns.
/// Guarded by the session's lock; what is put into the sequence here is put there by the writer loop.
/// </summary>
/// <remarks>
/// What a peer can make us queue is bounded even if it never reads: what is merged by the number of open streams, the rest
/// by <see cref="MostRefusals"/>, <see cref="MostMessages"/> and, for streams that are over but for their last RESET,
/// <see cref="CheckAnswers"/>.
/// </remarks>
internal sealed class OutgoingQueue(ReplayBuffer replay, ReceivedSequence received)
{
    /// <summary>Refused OPENs whose RESET may wait; a peer that keeps to its limit has far fewer.</summary>
    public const int MostRefusals = 10_000;

    /// <summary>Messages that may wait: a few per tunnel a session can hold.</summary>
    public const int MostMessages = 1_024;

    private readonly Queue<LiveStream> _urgent = new();
    private readonly Queue<(uint Id, ResetCode Code)> _refusals = new();
    private readonly Queue<(FrameKind Kind, byte[] Payload)> _messages = new();
    private ulong? _pong;
    private ulong? _ping;
    private bool _ackIsDue;
    private bool _isTaking;

    /// <summary>Streams with something to send.</summary>
    public FairQueue<LiveStream> Streams { get; } = new();

    /// <summary>Nothing waits; an ACK alone does not count until it is due.</summary>
    public bool IsEmpty =>
        !_ackIsDue && !received.IsDue && _pong is null && _ping is null
        && !HasUrgent && Streams.IsEmpty;

    /// <summary>A RESET, CREDIT or message waits: something that CLOSE must not overtake.</summary>
    public bool HasUrgent => _isTaking || _urgent.Count > 0 || _refusals.Count > 0 || _messages.Count > 0;

    public void RequestAck() => _ackIsDue = received.HasNews;

    public void RequestPing(ulong number) => _ping = number;

    public void RequestPong(ulong number) => _pong = number;

    /// <summary>Returns false, and queues nothing, when too many wait already.</summary>
    public bool TryRequestMessage(FrameKind kind, byte[] payload)
    {
        if (_messages.Count >= MostMessages)
        {
            return false;
        }

        _messages.Enqueue((kind, payload));
        return true;
    }

    /// <summary>Refuses an OPEN of the peer with RESET.</summary>
    /// <exception cref="ProtocolViolationException">The peer opens and opens, and reads none of the answers.</exception>
    public void RequestRefusal(uint id, ResetCode code)
    {
        if (_refusals.Count >= MostRefusals)
        {
            throw new ProtocolViolationException(CloseCode.Flood, "Too many refused streams whose RESET the peer does not read.");
        }

        _refusals.Enqueue((id, code));
    }

    /// <summary>The peer opens another stream; fine while it takes the RESETs that end the others.</summary>
    /// <exception cref="ProtocolViolationException">It opens and breaks off, and reads none of the answers.</exception>
    public void CheckAnswers()
    {
        if (_urgent.Count >= MostRefusals)
        {
            throw new ProtocolViolationException(CloseCode.Flood, "Too many streams that ended by a RESET that the peer does not read.");
        }
    }

    /// <summary>The stream has a RESET or CREDIT to send.</summary>
    public void RequestUrgent(LiveStream stream)
    {
        if (!stream.IsUrgent)
        {
            stream.IsUrgent = true;
            _urgent.Enqueue(stream);
        }
    }

    /// <summary>
    /// The link is gone, and with it what only made sense on it. What was received is told with the handshake of the next.
    /// </summary>
    public void ForgetLink()
    {
        _pong = null;
        _ping = null;
        _ackIsDue = false;
    }

    /// <summary>Writes ACK, PONG and PING straight to the link: they have no place in the sequence. Returns the bytes written.</summary>
    public int WriteUnsequenced(PipeWriter link)
    {
        bool acknowledges = received.HasNews && (!IsEmpty || replay.Unsent > 0);
        int written = acknowledges ? Write(link, FrameKind.Ack, received.Tell()) : 0;
        _ackIsDue = false;
        return written + WriteOnce(link, FrameKind.Pong, ref _pong) + WriteOnce(link, FrameKind.Ping, ref _ping);
    }

    /// <summary>
    /// Gives the refusals their place in the sequence, and moves out the streams with something urgent, whose turn is next. Those
    /// that were moved out before have had it.
    /// </summary>
    public void TakeUrgent(List<LiveStream> urgent)
    {
        _isTaking = _urgent.Count > 0;
        while (_refusals.TryDequeue(out (uint Id, ResetCode Code) refusal))
        {
            replay.AppendReset(refusal.Id, refusal.Code, "");
        }

        while (_urgent.TryDequeue(out LiveStream? stream))
        {
            stream.IsUrgent = false;
            urgent.Add(stream);
        }
    }

    /// <summary>Gives the session's messages their place in the sequence, behind what is urgent.</summary>
    public void AppendMessages()
    {
        while (_messages.TryDequeue(out (FrameKind Kind, byte[] Payload) message))
        {
            message.Payload.CopyTo(replay.Append(new FrameHeader(0, message.Kind, message.Payload.Length)));
        }
    }

    /// <summary>Writes the frame that ends the session.</summary>
    public static void WriteClose(PipeWriter link, CloseCode code, string sentence)
    {
        Span<byte> frame = link.GetSpan(FrameHeader.Size + CodeAndSentence.MostSize);
        int length = CodeAndSentence.Write(frame[FrameHeader.Size..], (ushort)code, sentence);
        new FrameHeader(0, FrameKind.Close, length).Write(frame);
        link.Advance(FrameHeader.Size + length);
    }

    private static int WriteOnce(PipeWriter link, FrameKind kind, ref ulong? number)
    {
        int written = number is { } asked ? Write(link, kind, asked) : 0;
        number = null;
        return written;
    }

    private static int Write(PipeWriter link, FrameKind kind, ulong number)
    {
        var header = new FrameHeader(0, kind, sizeof(ulong));
        Span<byte> frame = link.GetSpan(header.FrameSize);
        header.Write(frame);
        BinaryPrimitives.WriteUInt64BigEndian(frame[FrameHeader.Size..], number);
        link.Advance(header.FrameSize);
        return header.FrameSize;
    }
}
