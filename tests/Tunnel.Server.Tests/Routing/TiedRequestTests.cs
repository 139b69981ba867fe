using Tunnel.Server.Routing;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Routing;

/// <summary>Requests of a login that lives on its connection go to the session that has it, as long as that can be.</summary>
public sealed class TiedRequestTests
{
    [Fact]
    public async Task Request_OfALogin_GoesToItsSession_HoweverBusyThatIs()
    {
        await using var names = new Registration();
        ServedTunnel tied = names.Bind("a.test", names.Attached(instance: 'a'), pool: true);
        names.Bind("a.test", names.Attached(instance: 'b'), pool: true);
        Route[] routes = [.. Enumerable.Range(0, 4).Select(_ => names.Find("a.test", tied, out WaitingRequest? _))];
        routes.Should().OnlyContain(route => route.Tunnel == tied);
        names.Find("a.test", tied, out WaitingRequest? held);
        held.Should().NotBeNull("it waits for room there");
        Route other = names.Find("a.test", out _);
        other.Tunnel.Should().BeNull("who comes later looks behind it in the row");
        routes[0].Stream!.Dispose();
        names.Registry.Release("a.test");
        Route late = await held!.Released.Within();
        late.Tunnel.Should().BeSameAs(tied);
        late.Stream!.Dispose();
        Array.ForEach(routes, route => route.Stream!.Dispose());
    }

    [Fact]
    public async Task Request_ThatWaitsForItsSession_HoldsUpNobodyElse()
    {
        await using var names = new Registration();
        TunnelHolder away = names.Detached(instance: 'a');
        ServedTunnel tied = names.Bind("a.test", away, pool: true);
        ServedTunnel here = names.Bind("a.test", names.Attached(instance: 'b'), pool: true);
        names.Find("a.test", tied, out WaitingRequest? waiting);
        names.Find("a.test", out WaitingRequest? other);
        Route route = await other!.Released.Within();
        route.Tunnel.Should().BeSameAs(here);
        route.Stream!.Dispose();
        waiting!.Released.IsCompleted.Should().BeFalse();
        names.Attach(away);
        names.Registry.Release("a.test");
        Route back = await waiting.Released.Within();
        back.Tunnel.Should().BeSameAs(tied);
        back.Stream!.Dispose();
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("refused")]
    public async Task Request_WhoseSessionIsLost_GoesElsewhere(string how)
    {
        await using var names = new Registration();
        ServedTunnel tied = names.Bind("a.test", names.Attached(instance: 'a'), pool: true);
        ServedTunnel other = names.Bind("a.test", names.Attached(instance: 'b'), pool: true);
        if (how == "gone")
        {
            names.Registry.Unbind(tied);
        }

        Route route = names.Find("a.test", tied, out _, how == "refused" ? tied.Holder : null);
        route.Tunnel.Should().BeSameAs(other);
        route.Stream!.Dispose();
    }
}
