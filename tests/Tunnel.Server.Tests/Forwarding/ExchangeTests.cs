using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Http.Heads;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Routing;
using Tunnel.Transport;

namespace Tunnel.Server.Tests.Forwarding;

/// <summary>An exchange needs a request, an answer and something that opens streams: no connection, no session, no port.</summary>
public sealed class ExchangeTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly DeadlineClock _clock;
    private readonly ServerMetrics _metrics = new();
    private readonly TunnelRegistry _registry;
    private readonly ExchangeShelf _shelf;
    private readonly BareFront _front = new();
    private readonly MemorySession _session = new();

    public ExchangeTests()
    {
        _clock = new DeadlineClock(_time);
        _registry = new TunnelRegistry(new WaitingLimits { Time = TimeSpan.Zero }, _ => false, _time, _clock);
        var options = new ServerOptions();
        MemoryPlan plan = MemoryPlan.Of(null);
        _shelf = new ExchangeShelf(new ForwardingServices
        {
            Options = options,
            Registry = _registry,
            Pool = MemoryPool<byte>.Shared,
            Memory = new VisitorMemory(new ProcessMemory(plan.Limit, () => 0), plan, _time, NullLogger.Instance),
            Time = _time,
            Clock = _clock,
            Rules = new EntryRules(options, httpsPort: null),
            Date = new HttpDate(_time),
            Metrics = _metrics,
            AccessLog = null,
            Log = NullLogger.Instance,
        });
    }

    public async ValueTask DisposeAsync()
    {
        _shelf.Dispose();
        _registry.Dispose();
        _metrics.Dispose();
        await _clock.DisposeAsync();
    }

    [Fact]
    public async Task Request_OfAnotherFront_IsAnsweredOverAnotherSession()
    {
        Serve("demo.test");

        // There already, so that it is on its way before anything of the answer is.
        await _front.Sending.WriteAsync("abc"u8.ToArray());
        ValueTask<ExchangeEnd> running = Run("POST /a HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 3\r\n\r\n", out Exchange exchange);
        MemorySession.MemoryStream stream = _session.Streams.Should().ContainSingle().Subject;
        (await stream.ReceiveAsync()).Should().StartWith("POST /a HTTP/1.1\r\nHost: demo.test\r\n").And.EndWith("\r\n\r\nabc");
        await stream.AnswerAsync("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");

        (await running).Should().Be(ExchangeEnd.Reusable);
        _shelf.Return(exchange);
        _front.Interim.Should().Equal(103);
        _front.Status.Should().Be(201);
        _front.Error.Should().BeNull();
        (await _front.Receiving.ReadAtLeastAsync(5)).Buffer.ToArray().Should().Equal("hello"u8.ToArray(), "the front frames it as its wire has it");
        stream.IsDisposed.Should().BeTrue();
        stream.ResetCode.Should().BeNull();
    }

    [Fact]
    public async Task Answer_ThatIsNone_IsTheFrontsToTell()
    {
        Serve("demo.test");
        ValueTask<ExchangeEnd> running = Run("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n", out Exchange exchange);
        await _session.Streams[0].AnswerAsync("SSH-2.0-x\r\n");

        (await running).Should().Be(ExchangeEnd.Reusable);
        _shelf.Return(exchange);
        _front.Error.Should().Be(EdgeError.OriginInvalid);
        _front.Status.Should().BeNull();
        _session.Streams[0].ResetCode.Should().Be(ResetCode.OriginInvalid);
    }

    [Fact]
    public async Task Answer_ThatBreaksOff_IsCut()
    {
        Serve("demo.test");
        ValueTask<ExchangeEnd> running = Run("GET / HTTP/1.1\r\nHost: demo.test\r\n\r\n", out Exchange exchange);
        await _session.Streams[0].AnswerAsync("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");

        (await running).Should().Be(ExchangeEnd.Closed);
        _shelf.Return(exchange);
        _front.IsBroken.Should().BeTrue();
        _front.Error.Should().BeNull();
    }

    [Fact]
    public async Task Request_ForAnUnknownName_IsRefusedByTheFront()
    {
        (await Run("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n", out Exchange exchange)).Should().Be(ExchangeEnd.Reusable);
        _shelf.Return(exchange);
        _front.Error.Should().Be(EdgeError.TunnelNotFound);
        _session.Streams.Should().BeEmpty();
    }

    /// <summary>What looks after an answer belongs to the exchange: connections between requests have nothing of it.</summary>
    [Fact]
    public void Exchanges_ThatNobodyNeeds_LeaveTheClock()
    {
        int before = _clock.Count;
        Exchange[] many = [.. Enumerable.Range(0, 8).Select(_ => _shelf.Rent(_front, _front))];
        _clock.Count.Should().Be(before + 8);
        foreach (Exchange exchange in many[1..])
        {
            _shelf.Return(exchange);
        }

        ExchangeShelf.Drop(many[0]);
        _clock.Count.Should().Be(before + 7, "the others are kept for the next requests");
        _time.Advance(TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(10));
        _clock.Count.Should().Be(before);
    }

    private void Serve(string name) =>
        _registry.TryClaim([new ServedTunnel(name, new TunnelRequest { Id = 1, Type = TunnelTypes.Http, Via = false }, _session, default)], out _).Should().BeTrue();

    private ValueTask<ExchangeEnd> Run(string head, out Exchange exchange)
    {
        exchange = _shelf.Rent(_front, _front);
        exchange.Parse(new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(head)), out _, out _).Should().Be(ParseOutcome.Complete);
        return exchange.RunAsync();
    }
}
