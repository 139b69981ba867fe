using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Agents;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Routing;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Agents;

public sealed class AgentSessionTests : IDisposable
{
    private readonly ServerMetrics _metrics = new();
    private readonly AgentDirectory _directory = new();
    private readonly TunnelRegistry _registry = new(TimeSpan.FromSeconds(20), new FakeTimeProvider());

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public async Task Names_OfAHello_AreGrantedWithTheirUrls()
    {
        AgentSession session = NewSession('a');
        session.TryBind([Request(1, "one"), Request(2, "two")], out List<TunnelGrant> grants, out BoundMessage? refusal).Should().BeTrue();
        refusal.Should().BeNull();
        grants.Should().Equal(new TunnelGrant(1, "one.test", "url of one.test"), new TunnelGrant(2, "two.test", "url of two.test"));
        (await _registry.FindAsync("two.test"u8)).Tunnel!.Id.Should().Be(2);
        await session.GiveUpAsync("over");
    }

    [Fact]
    public async Task Name_HeldBySomebodyElse_IsAConflictThatNamesThem()
    {
        AgentSession holder = NewSession('a');
        AgentSession other = NewSession('b');
        holder.TryBind([Request(1, "one")], out _, out _).Should().BeTrue();
        other.TryBind([Request(1, "two"), Request(2, "one")], out _, out BoundMessage? refusal).Should().BeFalse();
        refusal!.Code.Should().Be(RejectCodes.NameConflict);
        refusal.Message.Should().Contain("one.test").And.Contain("agent a");
        await other.GiveUpAsync("refused");
        _registry.IsServed("two.test").Should().BeFalse();
        _registry.IsServed("one.test").Should().BeTrue();
        await holder.GiveUpAsync("over");
    }

    [Fact]
    public async Task Session_ThatIsGivenUp_TellsTheRequestsThatWereRoutedToIt()
    {
        AgentSession session = NewSession('a');
        session.TryBind([Request(1, "one")], out _, out _).Should().BeTrue();
        Route route = await _registry.FindAsync("one.test"u8);
        using TunnelStream stream = route.Tunnel!.Session.TryOpen(new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, default, 0))!;
        await stream.Output.FlushAsync();
        Task reading = stream.Input.ReadAsync().AsTask();
        await session.GiveUpAsync("the handshake failed").Within();
        Func<Task> read = () => reading.Within();
        (await read.Should().ThrowAsync<StreamResetException>()).Which.Code.Should().Be(ResetCode.SessionLost);
        (await _registry.FindAsync("one.test"u8)).Outcome.Should().Be(RouteOutcome.Offline);
        session.Bind(Request(2, "late")).Code.Should().NotBeNull("nothing is bound to what is over");
    }

    private AgentSession NewSession(char name)
    {
        var options = new ServerOptions { Domain = "test" };
        var services = new AgentServices(
            options, _registry, _directory, options.Session, host => $"url of {host}", _metrics, NullLogger.Instance);
        var session = new AgentSession(services, new string(name, 32), $"agent {name}");
        _directory.Add(session);
        return session;
    }

    private static TunnelRequest Request(uint id, string subdomain) => new() { Id = id, Type = "http", Subdomain = subdomain };
}
