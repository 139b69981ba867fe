using System.Buffers;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Tests.Routing;

public sealed class TunnelRegistryTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly TunnelRegistry _registry;
    private readonly Session _first = NewSession();
    private readonly Session _second = NewSession();

    public TunnelRegistryTests() => _registry = new TunnelRegistry(TimeSpan.FromSeconds(20), _time);

    [Fact]
    public async Task Name_ThatIsBound_IsFound()
    {
        ServedTunnel tunnel = Tunnel("a.test", _first);
        _registry.Bind(tunnel, replaces: null).Should().BeNull();
        (await _registry.FindAsync("a.test"u8)).Should().Be(new Route(RouteOutcome.Found, tunnel));
        (await _registry.FindAsync("b.test"u8)).Outcome.Should().Be(RouteOutcome.NotFound);
        (await _registry.FindAsync(""u8)).Outcome.Should().Be(RouteOutcome.NotFound);
        (await _registry.FindAsync(new byte[300])).Outcome.Should().Be(RouteOutcome.NotFound);
        _registry.IsServed("a.test").Should().BeTrue();
        _registry.Count.Should().Be(1);
    }

    [Fact]
    public async Task Name_ThatIsTaken_StaysWithItsHolder()
    {
        ServedTunnel holder = Tunnel("a.test", _first);
        _registry.Bind(holder, replaces: null);
        _registry.Bind(Tunnel("a.test", _second), replaces: null).Should().BeSameAs(holder);
        (await _registry.FindAsync("a.test"u8)).Tunnel.Should().BeSameAs(holder);
    }

    [Fact]
    public async Task Name_OfASessionThatIsReplaced_ChangesHands()
    {
        ServedTunnel old = Tunnel("a.test", _first);
        ServedTunnel taken = Tunnel("a.test", _second);
        _registry.Bind(old, replaces: null);
        _registry.Bind(taken, replaces: _first).Should().BeNull();
        _registry.Unbind(old);
        (await _registry.FindAsync("a.test"u8)).Tunnel.Should().BeSameAs(taken, "who was replaced takes nobody off");
    }

    [Fact]
    public async Task Name_ThatIsDropped_IsRememberedForAWhile()
    {
        ServedTunnel tunnel = Tunnel("a.test", _first);
        _registry.Bind(tunnel, replaces: null);
        _registry.Unbind(tunnel);
        _registry.Count.Should().Be(0);
        _registry.IsServed("a.test").Should().BeFalse();
        _time.Advance(TimeSpan.FromSeconds(19));
        (await _registry.FindAsync("a.test"u8)).Outcome.Should().Be(RouteOutcome.Offline);
        _time.Advance(TimeSpan.FromSeconds(1));
        (await _registry.FindAsync("a.test"u8)).Outcome.Should().Be(RouteOutcome.NotFound);
        _registry.Bind(Tunnel("a.test", _second), replaces: null).Should().BeNull();
    }

    private static ServedTunnel Tunnel(string name, Session session) =>
        new(name, new TunnelRequest { Id = 1, Type = "http" }, session);

    private static Session NewSession() => new(LinkRole.Server, new SessionOptions(), new Nobody());

    private sealed class Nobody : ISessionUser
    {
        public void OnStream(TunnelStream stream) => stream.Dispose();

        public void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
        {
        }

        public void OnGoAway(GoAwayMessage message)
        {
        }
    }
}
