using BenchmarkDotNet.Attributes;
using Tunnel.Framing.Frames;

namespace Tunnel.Benchmarks.Framing;

/// <summary>The eight bytes before every payload, there and back.</summary>
[MemoryDiagnoser]
public class FrameHeaderBenchmarks
{
    private readonly byte[] _bytes = new byte[FrameHeader.Size];
    private uint _id = 2;

    [GlobalSetup]
    public void Setup() => Write();

    [Benchmark]
    public void Write()
    {
        // Not the same every time, or the compiler could write a constant.
        _id += 2;
        new FrameHeader(_id, FrameKind.Data, ProtocolLimits.SentPayload, fin: true).Write(_bytes);
    }

    [Benchmark]
    public FrameHeader Read() => FrameHeader.Read(_bytes);
}
