using System.Buffers;
using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using Tunnel.Framing.Frames;

namespace Tunnel.Benchmarks.Framing;

/// <summary>Frames cut from what was received: headers read and judged, payloads sliced.</summary>
[MemoryDiagnoser]
public class FrameReaderBenchmarks
{
    private const int Frames = 64;

    private ReadOnlySequence<byte> _received;

    /// <summary>Payload bytes of each frame.</summary>
    [Params(0, 300, ProtocolLimits.SentPayload)]
    public int Payload { get; set; }

    /// <summary>Bytes that came at once: the blocks of the received sequence. Zero is all in one.</summary>
    [Params(0, 4096)]
    public int Block { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        byte[] bytes = new byte[Frames * (FrameHeader.Size + Payload)];
        for (int at = 0; at < bytes.Length; at += FrameHeader.Size + Payload)
        {
            new FrameHeader(2, FrameKind.Data, Payload).Write(bytes.AsSpan(at));
        }

        _received = Block == 0 ? new ReadOnlySequence<byte>(bytes) : InBlocks(bytes);
    }

    [Benchmark(OperationsPerInvoke = Frames)]
    public long Read()
    {
        ReadOnlySequence<byte> buffer = _received;
        long bytes = 0;
        while (FrameReader.TryRead(ref buffer, LinkRole.Agent, out _, out ReadOnlySequence<byte> payload))
        {
            bytes += payload.Length;
        }

        return bytes;
    }

    private ReadOnlySequence<byte> InBlocks(byte[] bytes)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0, minimumSegmentSize: Block));
        for (int at = 0; at < bytes.Length; at += Block)
        {
            ReadOnlySpan<byte> some = bytes.AsSpan(at, Math.Min(Block, bytes.Length - at));
            some.CopyTo(pipe.Writer.GetSpan(Block));
            pipe.Writer.Advance(some.Length);
        }

        pipe.Writer.Complete();

        // Never advanced and never completed: the blocks stay valid.
        pipe.Reader.TryRead(out ReadResult result);
        return result.Buffer;
    }
}
