using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Agent.Local;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Http.Heads;
using Tunnel.TestSupport;
using Tunnel.Transport;

namespace Tunnel.Agent.Tests.Local;

/// <summary>What is kept of connections with a login, for whom, and how many.</summary>
public sealed class TiedConnectionsTests : IAsyncLifetime
{
    private static readonly VisitorAddress Somebody = VisitorAddress.From(IPEndPoint.Parse("192.0.2.1:1000"));

    private readonly FakeTimeProvider _time = new();
    private readonly LeakCheckingPool _memory = new();
    private ScriptedOrigin _origin = null!;
    private DeadlineClock _clock = null!;
    private OriginPool _pool = null!;
    private OriginPlayer _session = null!;

    private OriginOptions Options => new() { Host = "127.0.0.1", Port = _origin.Port };

    private OriginMemory Memory
    {
        get
        {
            var plan = new MemoryPlan();
            return new OriginMemory(_memory, new ProcessMemory(plan.Limit), plan);
        }
    }

    public Task InitializeAsync()
    {
        _origin = new ScriptedOrigin(connection => connection.ReadToEndAsync());
        _clock = new DeadlineClock(_time);
        _pool = new OriginPool(Options, TunnelTypes.Http, Memory, _time, _clock, NullLogger.Instance);
        _session = NewSession();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _pool.DisposeAsync();
        _pool.Count.Should().Be(0);
        await _clock.DisposeAsync();
        await _origin.DisposeAsync();
        _memory.Dispose();
    }

    [Fact]
    public async Task Connection_IsForItsOwnVisitorAlone()
    {
        OriginConnection connection = await KeepAsync(7);
        _pool.TryTake(mayRepeat: true).Should().BeNull("it is not in the pool");
        _pool.Tied.TryTake(new ConnectionTie(_session, 8)).Should().BeNull();
        _pool.Tied.TryTake(new ConnectionTie(NewSession(), 7)).Should().BeNull("numbers are a session's");
        _pool.Tied.TryTake(new ConnectionTie(_session, 7)).Should().BeSameAs(connection);
        _pool.Tied.TryTake(new ConnectionTie(_session, 7)).Should().BeNull("it is in use");
        _pool.Discard(connection);
    }

    [Fact]
    public async Task Connection_OfAVisitorThatLeft_IsClosed()
    {
        await KeepAsync(7);
        await KeepAsync(8);
        _pool.Tied.End(new ConnectionTie(_session, 7));
        _pool.Tied.End(new ConnectionTie(_session, 9));
        await _origin.Ended.WhenAsync(1);
        _pool.Tied.Count.Should().Be(1);
        _session.Close();
        await _origin.Ended.WhenAsync(2);
    }

    [Fact]
    public async Task Connection_OfASecondRequestAtOnce_IsNotKeptBesideTheFirst()
    {
        OriginConnection first = await KeepAsync(7);
        await KeepAsync(7);
        await _origin.Ended.WhenAsync(1);
        _pool.Tied.TryTake(new ConnectionTie(_session, 7)).Should().BeSameAs(first);
        _pool.Discard(first);
    }

    [Theory]
    [InlineData(null, 120)]
    [InlineData(15L, 15)]
    [InlineData(900L, 120)]
    public async Task Connection_ThatIsIdle_IsKeptSoLong(long? hint, int seconds)
    {
        await KeepAsync(7, hint: new KeepAliveHint(hint, null));
        _time.Advance(TimeSpan.FromSeconds(seconds - 1));
        _pool.Tied.Count.Should().Be(1);
        _time.Advance(TimeSpan.FromSeconds(1));
        _pool.Tied.Count.Should().Be(0);
        await _origin.Ended.WhenAsync(1);
    }

    [Fact]
    public async Task Connections_OfAFlood_DoNotPushOutTheOthers()
    {
        await KeepAsync(1, "192.0.2.1:1000");
        await KeepAsync(2, "[2001:db8:1::1]:1000");
        for (ulong i = 0; i < TiedConnections.Most + 50; i++)
        {
            // One network, whatever address of it.
            await KeepAsync(100 + i, $"[2001:db8::{i:x}]:1000");
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        _pool.Tied.Count.Should().Be(TiedConnections.Most);
        await _origin.Ended.WhenAsync(52);
        foreach (ulong number in new ulong[] { 1, 2, 100 + TiedConnections.Most + 49 })
        {
            OriginConnection? kept = _pool.Tied.TryTake(new ConnectionTie(_session, number));
            kept.Should().NotBeNull();
            _pool.Discard(kept!);
        }

        _pool.Tied.TryTake(new ConnectionTie(_session, 100)).Should().BeNull("who has most loses the one that was idle longest");
    }

    private OriginPlayer NewSession() => new(new OnePool(_pool), null!, HttpLimits.Default, new NoNews(), watch: null);

    private async Task<OriginConnection> KeepAsync(ulong number, string? visitor = null, KeepAliveHint hint = default)
    {
        VisitorAddress who = visitor is null ? Somebody : VisitorAddress.From(IPEndPoint.Parse(visitor));
        OriginConnection connection = await _pool.OpenAsync(who, CancellationToken.None);
        _pool.Tied.Return(new ConnectionTie(_session, number), connection, who, hint);
        return connection;
    }

    private sealed class OnePool(OriginPool pool) : ITunnels
    {
        public IServedTunnel? Find(uint id) => null;

        public void EndTied(ConnectionTie tie) => pool.Tied.End(tie);

        public void EndTied(OriginPlayer session) => pool.Tied.EndAll(session);
    }

    private sealed class NoNews : ISessionNews
    {
        public void OnGoAway(GoAwayMessage message)
        {
        }

        public void OnBound(BoundMessage message)
        {
        }

        public void OnUnbound(UnboundMessage message)
        {
        }
    }
}
