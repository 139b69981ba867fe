using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.TestSupport;
using Tunnel.Transport.Buffers;

namespace Tunnel.Benchmarks.Framing;

/// <summary>
/// Small requests through two sessions in memory: a stream is opened with the request, served and answered at the other end.
/// No sockets, no HTTP; both ends and the link between them count together.
/// </summary>
[MemoryDiagnoser]
public class SmallRequestBenchmarks
{
    private const int Requests = 256;

    private readonly byte[] _request = new byte[300];
    private readonly byte[] _answer = new byte[1200];
    private Session _server = null!;
    private Task _run = Task.CompletedTask;

    /// <summary>How many are under way at a time.</summary>
    [Params(1, 64)]
    public int Visitors { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var pool = new BlockPool();
        var options = new PipeOptions(pool, useSynchronizationContext: false);
        var down = new Pipe(options);
        var up = new Pipe(options);
        _server = new Session(LinkRole.Server, new SessionOptions { Pool = pool }, new ServingUser(_ => Task.CompletedTask));
        var agent = new Session(LinkRole.Agent, new SessionOptions { Pool = pool }, new ServingUser(AnswerAsync));
        _run = Task.WhenAll(
            _server.RunAsync(new LinkEnd(up.Reader, down.Writer)), agent.RunAsync(new LinkEnd(down.Reader, up.Writer)));
    }

    [GlobalCleanup]
    public Task Cleanup()
    {
        _server.Close(CloseCode.Normal, "");
        return _run;
    }

    [Benchmark(OperationsPerInvoke = Requests)]
    public Task SmallRequests()
    {
        var visitors = new Task[Visitors];
        for (int i = 0; i < visitors.Length; i++)
        {
            visitors[i] = VisitAsync(Requests / Visitors);
        }

        return Task.WhenAll(visitors);
    }

    private async Task VisitAsync(int requests)
    {
        for (int i = 0; i < requests; i++)
        {
            using TunnelStream stream = _server.TryOpen(default(OpenHeader) with { Type = StreamType.Http })
                ?? throw new InvalidOperationException("The session opens no stream.");
            Write(stream.Output, _request);
            await ReadAsync(stream.Input, _answer.Length);
        }
    }

    private async Task AnswerAsync(TunnelStream stream)
    {
        using (stream)
        {
            await ReadAsync(stream.Input, _request.Length);
            Write(stream.Output, _answer);
        }
    }

    private static void Write(PipeWriter output, byte[] bytes)
    {
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
        output.Complete();
    }

    private static async Task ReadAsync(PipeReader input, int bytes)
    {
        while (bytes > 0)
        {
            ReadResult result = await input.ReadAsync();
            if (result.Buffer.IsEmpty && result.IsCompleted)
            {
                throw new EndOfStreamException();
            }

            bytes -= (int)result.Buffer.Length;
            input.AdvanceTo(result.Buffer.End);
        }
    }
}
