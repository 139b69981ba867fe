using System.Globalization;
using Tunnel.Agent;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Identity;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Agents;

/// <summary>Several tunnels on one agent: each is bound, refused and changed by itself, and costs the others nothing.</summary>
public sealed class ManyTunnelsTests : IAsyncLifetime
{
    private readonly ScriptedOrigin _first = new(Talk.Origin(Talk.Ok("first")));
    private readonly ScriptedOrigin _second = new(Talk.Origin(Talk.Ok("second")));

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }

    [Fact]
    public async Task Tunnels_OfOneAgent_LeadToTheirOrigins()
    {
        await using TunnelPair pair = await StartAsync(options => options with { Tunnels = [To("one", _first), To("two", _second)] });
        await OnlineAsync(pair.Agent, 2);
        (await AskAsync(pair, "one")).Should().Be("first");
        (await AskAsync(pair, "two")).Should().Be("second");
    }

    [Fact]
    public async Task Paths_OfOneName_LeadToTheirOrigins()
    {
        TunnelOptions site = To("site", _first) with
        {
            Paths = [new PathRule("/api", To("", _second).Origin), new PathRule("/api/old", To("", _first).Origin)],
        };
        await using TunnelPair pair = await StartAsync(options => options with { Tunnels = [site] });
        foreach ((string path, string origin) in new[] { ("/", "first"), ("/api", "second"), ("/api/x?y", "second"), ("/api/old/x", "first"), ("/apis", "first") })
        {
            (await AskAsync(pair, "site", path)).Should().Be(origin, path);
        }
    }

    [Fact]
    public async Task Tunnel_ThatIsRefused_CostsTheOthersNothingAndIsAskedForAgain()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "one");
        await using TunnelPair pair = await StartAsync(
            options => options.Link(link => link with { Token = token }) with { Tunnels = [To("one", _first), To("elsewhere", _second)] }, tokens.State);
        await OnlineAsync(pair.Agent, 1);
        await Eventually.TrueAsync(() => pair.Agent.Tunnels[1].Status.State == TunnelState.Refused);
        (await AskAsync(pair, "one")).Should().Be("first");
        pair.Agent.Exited.IsCompleted.Should().BeFalse();
        pair.Log.Should().Contain(line => line.Contains("The tunnel elsewhere was refused", StringComparison.Ordinal) && line.Contains("[name-refused]", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Tunnels_ChangedWhileRequestsRun_LoseNone()
    {
        TunnelOptions[] before = [To("steady", _first), To("moved", _first), To("gone", _first)];
        await using TunnelPair pair = await StartAsync(options => options with { Tunnels = before });
        await OnlineAsync(pair.Agent, 3);
        using var stop = new CancellationTokenSource();
        Task<int> asking = Task.Run(async () =>
        {
            int asked = 0;
            for (; !stop.IsCancellationRequested; asked++)
            {
                (await AskAsync(pair, "steady")).Should().Be("first");
                (await AskAsync(pair, "moved")).Should().BeOneOf("first", "second");
            }

            return asked;
        });
        for (int round = 0; round < 50; round++)
        {
            ScriptedOrigin origin = round % 2 == 0 ? _second : _first;
            pair.Agent.Change([before[0], To("moved", origin), .. round % 2 == 0 ? (TunnelOptions[])[To("added", _second)] : []]);
            await Eventually.TrueAsync(() => pair.Agent.Tunnels.All(tunnel => tunnel.Status.State == TunnelState.Online));
            (await AskAsync(pair, "moved")).Should().Be(round % 2 == 0 ? "second" : "first");
        }

        await stop.CancelAsync();
        (await asking.Within()).Should().BePositive();
        (await pair.AskAsync("GET / HTTP/1.1\r\nHost: steady.localhost\r\n\r\n")).Status.Should().Be(200);
    }

    [Fact]
    public async Task Changes_AreTold()
    {
        TunnelOptions one = To("one", _first);
        await using TunnelPair pair = await StartAsync(options => options with { Tunnels = [one, To("two", _first)] });
        pair.Agent.Change([one, To("three", _second)]).Select(change => (change.Change, change.Tunnel.Name)).Should()
            .Equal((TunnelChange.Dropped, "two"), (TunnelChange.Added, "three"));
        pair.Agent.Change([one with { HostHeader = "origin" }, To("three", _second)]).Select(change => (change.Change, change.Tunnel.Name)).Should().Equal((TunnelChange.Updated, "one"));
        pair.Agent.Change([one with { HostHeader = "origin" }, To("three", _second)]).Should().BeEmpty();
        Action bad = () => pair.Agent.Change([one with { HostHeader = "" }]);
        bad.Should().Throw<ArgumentException>();
        pair.Agent.Tunnels.Should().HaveCount(2, "a change with a mistake changes nothing");
    }

    [Fact]
    public async Task Tunnel_ThatIsDropped_IsGoneAtTheServer()
    {
        await using TunnelPair pair = await StartAsync(options => options with { Tunnels = [To("one", _first), To("two", _second)] }, hold: TimeSpan.Zero);
        await OnlineAsync(pair.Agent, 2);
        pair.Agent.Change([To("one", _first)]);
        await Eventually.TrueAsync(async () => (await pair.AskAsync("GET / HTTP/1.1\r\nHost: two.localhost\r\n\r\n")).Status != 200);
        (await AskAsync(pair, "one")).Should().Be("first");
    }

    [Fact]
    public async Task ManyTunnels_WithADeadOriginAndARefusedOne_AllWork()
    {
        const int Count = 64;
        TunnelOptions[] tunnels = [.. Enumerable.Range(0, Count).Select(number => To(string.Create(CultureInfo.InvariantCulture, $"t{number}"), _first))];
        tunnels[7] = tunnels[7] with { Origin = tunnels[7].Origin with { Port = FreePort.Find() } };
        await using TunnelPair pair = await StartAsync(options => options with { Tunnels = tunnels });
        await OnlineAsync(pair.Agent, Count);
        for (int number = 0; number < Count; number++)
        {
            Answer answer = await pair.AskAsync(string.Create(CultureInfo.InvariantCulture, $"GET / HTTP/1.1\r\nHost: t{number}.localhost\r\n\r\n"));
            answer.Status.Should().Be(number == 7 ? 502 : 200);
        }
    }

    [Fact]
    public async Task ManyTunnels_AllChangedAgainAndAgain_AreNoFlood()
    {
        TunnelOptions[] Tunnels(int round) =>
        [
            .. Enumerable.Range(0, 32).Select(number => To(string.Create(CultureInfo.InvariantCulture, $"s{number}"), _first) with { HostHeader = string.Create(CultureInfo.InvariantCulture, $"h{round}") }),
            .. Enumerable.Range(0, 32).Select(number => To(string.Create(CultureInfo.InvariantCulture, $"r{round}n{number}"), _first)),
        ];
        await using TunnelPair pair = await StartAsync(options => options with { Tunnels = Tunnels(0) });
        for (int round = 1; round <= 10; round++)
        {
            pair.Agent.Change(Tunnels(round));
        }

        await Eventually.TrueAsync(async () => (await pair.AskAsync("GET / HTTP/1.1\r\nHost: r10n31.localhost\r\n\r\n")).Status == 200);
        await OnlineAsync(pair.Agent, 64);
        pair.Log.Should().NotContain(line => line.Contains("flood", StringComparison.Ordinal));
        pair.Log.Count(line => line.Contains("Connected to", StringComparison.Ordinal)).Should().Be(1);
    }

    [Fact]
    public async Task Names_TheServerChose_AreTheSameOnEverySession()
    {
        await using TunnelPair pair = await StartAsync(options => options.Link(link => link with { Links = 3 }) with
        {
            Tunnels = [To("one", _first) with { Subdomain = null }, To("two", _second) with { Subdomain = null }],
        });
        await OnlineAsync(pair.Agent, 2);
        await Eventually.TrueAsync(() => pair.Agent.Sessions == 3);
        string[] urls = [.. pair.Agent.Tunnels.Select(tunnel => new Uri(tunnel.Status.Url).Host)];
        urls.Distinct().Should().HaveCount(2);
        foreach ((string host, string origin) in urls.Zip(["first", "second"]))
        {
            for (int i = 0; i < 6; i++)
            {
                (await pair.AskAsync($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).Text.Should().Be(origin);
            }
        }
    }

    private static Task<TunnelPair> StartAsync(Func<AgentOptions, AgentOptions> agent, Server.Identity.ServerState? state = null, TimeSpan? hold = null) =>
        TunnelPair.StartAsync(
            Talk.Origin(Talk.Ok("the pair's own")),
            new PairOptions { Agent = agent, State = state, Server = options => hold is { } time ? options with { Waiting = options.Waiting with { Hold = time } } : options });

    private static Task OnlineAsync(AgentHost agent, int count) =>
        Eventually.TrueAsync(() => agent.Tunnels.Count(tunnel => tunnel.Status.State == TunnelState.Online) == count);

    private static TunnelOptions To(string name, ScriptedOrigin origin) =>
        new() { Name = name, Subdomain = name, Origin = new OriginOptions { Host = "127.0.0.1", Port = origin.Port } };

    private static async Task<string> AskAsync(TunnelPair pair, string name, string path = "/")
    {
        Answer answer = await pair.AskAsync($"GET {path} HTTP/1.1\r\nHost: {name}.localhost\r\n\r\n");
        answer.Status.Should().Be(200, $"{name}{path}: {answer.Text}");
        return answer.Text;
    }
}
