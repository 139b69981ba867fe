using System.IO.Pipelines;

namespace Tunnel.Framing.Tests.Sessions;

public sealed class MemoryMuxTests : MuxTests
{
    private readonly MemoryLink _link = new();

    protected override Task<(IDuplexPipe Server, IDuplexPipe Agent)> ConnectAsync() => Task.FromResult((_link.A, _link.B));

    protected override Task CutAsync()
    {
        _link.Cut();
        return Task.CompletedTask;
    }
}

public sealed class TornMemoryMuxTests : MuxTests
{
    private readonly MemoryLink _link = new(new MemoryLinkOptions { PauseAt = 1024 });

    protected override int BulkBytes => 1024 * 1024;

    protected override Task<(IDuplexPipe Server, IDuplexPipe Agent)> ConnectAsync() => Task.FromResult((_link.A, _link.B));

    protected override Task CutAsync()
    {
        _link.Cut(new IOException("The cable is out."));
        return Task.CompletedTask;
    }
}

/// <summary>Every read shows a few bytes more, in segments of a single byte.</summary>
public sealed class SegmentedMuxTests : MuxTests
{
    private readonly MemoryLink _link = new();

    protected override int BulkBytes => 256 * 1024;

    protected override Task<(IDuplexPipe Server, IDuplexPipe Agent)> ConnectAsync() =>
        Task.FromResult<(IDuplexPipe, IDuplexPipe)>((Cut(_link.A), Cut(_link.B)));

    protected override Task CutAsync()
    {
        _link.Cut();
        return Task.CompletedTask;
    }

    private static SegmentingLink Cut(IDuplexPipe whole) =>
        new(new SegmentingLink(whole, 1999, Segmenting.TinyReads), 1, Segmenting.ManySegments);
}

public sealed class TcpMuxTests : MuxTests
{
    private TcpLinkPair? _pair;

    public override async Task DisposeAsync() => await _pair!.DisposeAsync();

    protected override async Task<(IDuplexPipe Server, IDuplexPipe Agent)> ConnectAsync()
    {
        _pair = await TcpLinkPair.CreateAsync();
        return (_pair.A, _pair.B);
    }

    protected override Task CutAsync()
    {
        _pair!.A.Abort();
        return Task.CompletedTask;
    }
}

public sealed class TlsMuxTests : MuxTests
{
    private TlsLinkPair? _pair;

    public override async Task DisposeAsync() => await _pair!.DisposeAsync();

    protected override async Task<(IDuplexPipe Server, IDuplexPipe Agent)> ConnectAsync()
    {
        _pair = await TlsLinkPair.CreateAsync();
        return (_pair.B, _pair.A);
    }

    protected override Task CutAsync()
    {
        _pair!.A.Abort();
        return Task.CompletedTask;
    }
}
