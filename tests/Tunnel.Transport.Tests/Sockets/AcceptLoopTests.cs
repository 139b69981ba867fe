using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public sealed class AcceptLoopTests : IAsyncLifetime
{
    private static readonly IPEndPoint Here = new(IPAddress.Loopback, 1);

    private readonly FakeTimeProvider _time = new();
    private readonly Channel<Exception?> _outcomes = Channel.CreateUnbounded<Exception?>();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<AcceptFault> _faults = [];
    private readonly Tally _calls = new();
    private readonly Tally _accepted = new();
    private readonly Tally _faulted = new();
    private Task _running = Task.CompletedTask;

    public Task InitializeAsync()
    {
        var loop = new AcceptLoop(Here, AcceptAsync, new DescriptorReserve(long.MaxValue), Take, Note, _time);
        _running = loop.RunAsync(_stop.Token);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.Within();
        _stop.Dispose();
    }

    [Theory]
    [InlineData(SocketError.TooManyOpenSockets)]
    [InlineData(SocketError.NoBufferSpaceAvailable)]
    [InlineData(SocketError.SocketError)]
    public async Task Accept_WithoutDescriptors_PausesTellsAndGoesOn(SocketError error)
    {
        for (var i = 1; i <= 3; i++)
        {
            Happens(new SocketException((int)error));
            await _faulted.WhenAsync(i);
            Happens(null);
            _accepted.Count.Should().Be(i - 1, "it pauses");
            _time.Advance(AcceptLoop.Pause);
            await _accepted.WhenAsync(i);
        }

        _faults.Should().OnlyContain(fault => fault.Error == error && fault.RetryAfter == AcceptLoop.Pause && fault.EndPoint == Here);
    }

    [Fact]
    public async Task Accept_OfAConnectionThatIsGone_GoesOnAtOnce()
    {
        Happens(new SocketException((int)SocketError.ConnectionAborted));
        Happens(null);
        await _accepted.WhenAsync(1);
        _faults.Should().ContainSingle().Which.RetryAfter.Should().Be(TimeSpan.Zero);
    }

    [Fact]
    public async Task Accept_OfAnEndlessRowOfGoneConnections_PausesInTheEnd()
    {
        for (var i = 0; i < 17; i++)
        {
            Happens(new SocketException((int)SocketError.ConnectionAborted));
        }

        await _faulted.WhenAsync(17);
        _faults[^1].RetryAfter.Should().Be(AcceptLoop.Pause);
        Happens(null);
        _time.Advance(AcceptLoop.Pause);
        await _accepted.WhenAsync(1);
    }

    [Fact]
    public async Task Accept_WithAFaultNobodyThoughtOf_PausesAndGoesOn()
    {
        Happens(new InvalidOperationException("what?"));
        await _faulted.WhenAsync(1);
        Happens(null);
        _time.Advance(AcceptLoop.Pause);
        await _accepted.WhenAsync(1);
    }

    [Fact]
    public async Task Accept_OfTheLastDescriptors_HandsItOverAndThenRests()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var stop = new CancellationTokenSource();
        var low = new AcceptLoop(Here, AcceptAsync, new DescriptorReserve(lowFrom: 0), Take, Note, _time).RunAsync(stop.Token);
        await _calls.WhenAsync(2);

        // Both loops wait for one outcome each; the fixture's own has all the descriptors it wants.
        Happens(null);
        Happens(null);
        await _accepted.WhenAsync(2);
        for (var i = 1; i <= 3; i++)
        {
            await _faulted.WhenAsync(i);
            _faults[^1].Error.Should().Be(SocketError.TooManyOpenSockets);
            _time.Advance(AcceptLoop.Pause);
        }

        await stop.CancelAsync();
        await low.Within();
    }

    [Fact]
    public async Task Stop_DuringAPause_EndsAtOnce()
    {
        Happens(new SocketException((int)SocketError.TooManyOpenSockets));
        await _faulted.WhenAsync(1);
        await _stop.CancelAsync();
        await _running.Within();
        _calls.Count.Should().Be(1);
    }

    private void Happens(Exception? failure) => _outcomes.Writer.TryWrite(failure);

    private async ValueTask<Socket> AcceptAsync(CancellationToken stop)
    {
        _calls.Add();
        return await _outcomes.Reader.ReadAsync(stop) is { } failure
            ? throw failure
            : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    }

    private void Take(Socket socket)
    {
        socket.Dispose();
        _accepted.Add();
    }

    private void Note(AcceptFault fault)
    {
        _faults.Add(fault);
        _faulted.Add();
    }
}
