using Tunnel.Agent;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server.Forwarding;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>
/// Logins that live on a connection (docs/protocol.md, section 12), against an origin that takes everything on a connection for
/// whoever has logged in there, in three steps like NTLM.
/// </summary>
public sealed class ConnectionLoginTests
{
    private static readonly PairOptions NoAgent = new() { HasAgent = false };

    [Fact]
    public async Task Login_ThroughTheTunnel_IsItsVisitorsAlone()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync);
        (await pair.GetAsync()).Status.Should().Be(401, "and its connection is in the pool now");
        ScriptedConnection alice = await pair.VisitAsync();
        string at = await LogInAsync(alice, "alice");
        for (int i = 0; i < 20; i++)
        {
            (await AskAsync(alice)).Text.Should().Be($"alice {at}");
            (await pair.GetAsync()).Status.Should().Be(401);
            (await pair.GetAsync("/", "Authorization: Basic YTpi\r\n")).Status.Should().Be(401);
        }

        ScriptedConnection bob = await pair.VisitAsync();
        (await LogInAsync(bob, "bob")).Should().NotBe(at);
        (await AskAsync(alice)).Text.Should().Be($"alice {at}");
        alice.Close();
        await pair.Origin.Ended.WhenAsync(1);
        (await AskAsync(bob)).Text.Should().StartWith("bob ");
        bob.Close();
        await Eventually.TrueAsync(() => pair.Origin.OpenCount <= 1, what: "what is left is the connection that anybody may use");
        (await pair.GetAsync()).Status.Should().Be(401);
    }

    [Fact]
    public async Task Logins_OfManyAtOnce_AreNeverMixedUp()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync, new PairOptions
        {
            Agent = options => options.Link(link => link with { Links = 3 }),
        });
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async who =>
        {
            for (int round = 0; round < 4; round++)
            {
                ScriptedConnection visitor = await pair.VisitAsync();
                if (who % 4 == 0)
                {
                    (await AskAsync(visitor)).Status.Should().Be(401);
                    (await AskAsync(visitor)).Status.Should().Be(401);
                    visitor.Close();
                    continue;
                }

                string name = $"{who}-{round}";
                string at = await LogInAsync(visitor, name);
                for (int i = 0; i < 8; i++)
                {
                    (await AskAsync(visitor, "", i % 3 == 0 ? "abc" : null)).Text.Should().Be($"{name} {at}");
                }

                visitor.Close();
            }
        }));
    }

    [Fact]
    public async Task Requests_OneBehindTheOther_AreAllOfTheLogin()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync);
        ScriptedConnection alice = await pair.VisitAsync();
        string request = $"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\n";
        await alice.WriteAsync(
            $"{request}\r\n{request}Authorization: ntlm 1\r\n\r\n{request}Authorization: NTLM 3-alice\r\n\r\n{request}\r\n{request}\r\n");
        var seen = new List<int>();
        for (int i = 0; i < 5; i++)
        {
            seen.Add((await alice.ReadAnswerAsync().Within()).Status);
        }

        seen.Should().Equal(401, 401, 200, 200, 200);
        (await pair.GetAsync()).Status.Should().Be(401);
    }

    [Fact]
    public async Task Http10Visitor_ThatKeepsItsConnection_IsLoggedIn()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync);
        ScriptedConnection alice = await pair.VisitAsync();
        foreach ((string fields, int status) in new[] { ("Authorization: NTLM 1\r\n", 401), ("Authorization: NTLM 3-alice\r\n", 200), ("", 200) })
        {
            await alice.WriteAsync($"GET / HTTP/1.0\r\nHost: {TunnelPair.Name}\r\nConnection: keep-alive\r\n{fields}\r\n");
            (await alice.ReadAnswerAsync().Within()).Status.Should().Be(status);
        }
    }

    [Fact]
    public async Task Login_BehindAProxyThatSendsMany_IsNobodys()
    {
        PairOptions options = new() { Server = server => server with { Front = server.Front with { TrustedProxies = TrustedProxies.Parse("127.0.0.1") } } };
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync, options);
        ScriptedConnection proxy = await pair.VisitAsync();
        (await AskAsync(proxy)).Status.Should().Be(401);
        (await AskAsync(proxy, "Authorization: NTLM 1\r\n"))["WWW-Authenticate"].Should().Be("NTLM 2");
        (await AskAsync(proxy, "Authorization: NTLM 3-alice\r\n")).Status.Should().Be(401);

        // One step is enough for some, and the whole connection is theirs.
        (await AskAsync(proxy, "Authorization: Negotiate carol\r\n")).Text.Should().StartWith("carol ");
        (await AskAsync(proxy)).Status.Should().Be(401);
        await Eventually.TrueAsync(() => pair.Origin.OpenCount == 1, what: "what carried a login is closed, what did not is kept");
        pair.Log.Should().ContainSingle(line => line.Contains("trusted proxy 127.0.0.1", StringComparison.Ordinal))
            .And.ContainSingle(line => line.Contains("said once", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Origin_ThatLogsAConnectionInUnasked_DoesNotShareIt()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            while (await connection.ReadHeadAsync() is not null)
            {
                await connection.WriteAsync(Talk.Ok($"{connection.Number}", "WWW-Authenticate: Basic realm=\"x\", Negotiate oYG2\r\n"));
            }
        });
        (await pair.GetAsync()).Text.Should().Be("1");
        (await pair.GetAsync()).Text.Should().Be("2");
    }

    [Fact]
    public async Task Origin_ThatOffersALogin_SharesItsConnections()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync);
        for (int i = 0; i < 5; i++)
        {
            (await pair.GetAsync()).Status.Should().Be(401);
        }

        pair.Origin.Accepted.Count.Should().Be(1);
    }

    [Fact]
    public async Task Login_WhoseOriginSaysClose_EndsWithTheVisitorsConnection()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(Talk.Ok("x", "Connection: close\r\n"));
        });
        ScriptedConnection plain = await pair.VisitAsync();
        (await AskAsync(plain))["Connection"].Should().BeNull("without a login it is nobody else's business");
        (await AskAsync(plain, "Authorization: NTLM 1\r\n"))["Connection"].Should().Be("close");
        (await plain.ReadToEndAsync().Within()).Should().BeEmpty();
    }

    [Fact]
    public async Task Login_ThatTheOriginHasClosed_BeginsAnew()
    {
        int requests = 0;
        await using TunnelPair pair = await TunnelPair.StartAsync(connection => PlayAsync(connection, () => Interlocked.Increment(ref requests) != 3));
        ScriptedConnection alice = await pair.VisitAsync();
        await LogInAsync(alice, "alice");
        (await AskAsync(alice)).Status.Should().Be(200);
        await pair.Origin.Ended.WhenAsync(1);
        (await AskAsync(alice)).Status.Should().Be(401);
        await LogInAsync(alice, "alice");
    }

    [Fact]
    public async Task Login_OfASessionThatEnded_BeginsAnew()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync, NoAgent);
        ScriptedConnection alice = await pair.VisitAsync();
        var forwarding = new ForwardingSignal();
        await using (AgentHost first = pair.StartAgent(forwarding))
        {
            await forwarding.Times.WhenAsync(1);
            await LogInAsync(alice, "alice");
        }

        await pair.Origin.Ended.WhenAsync(1);
        await using AgentHost second = pair.StartAgent(forwarding);
        (await AskAsync(alice)).Status.Should().Be(401);
        await LogInAsync(alice, "alice");
    }

    [Fact]
    public async Task Login_AcrossALostLink_GoesOn()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync, NoAgent);
        await using var relay = new LinkRelay(() => pair.Server.AgentPort);
        var forwarding = new ForwardingSignal();
        await using AgentHost agent = pair.StartAgent(forwarding, options => options.Link(link => link with { Port = relay.Port }));
        await forwarding.Times.WhenAsync(1);
        ScriptedConnection alice = await pair.VisitAsync();
        string at = await LogInAsync(alice, "alice");
        await relay.CutAsync(agent);
        (await AskAsync(alice)).Text.Should().Be($"alice {at}");
        alice.Close();
    }

    [Fact]
    public async Task Login_InAPool_StaysWithItsAgent()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync, new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { IsPooled = true }) });
        var forwarding = new ForwardingSignal();
        await using AgentHost other = pair.StartAgent(forwarding);
        await forwarding.Times.WhenAsync(1);
        ScriptedConnection alice = await pair.VisitAsync();
        string at = await LogInAsync(alice, "alice");
        for (int i = 0; i < 12; i++)
        {
            (await AskAsync(alice)).Text.Should().Be($"alice {at}");
        }

        alice.Close();
        await pair.WhenIdleAsync();
    }

    [Fact]
    public async Task Logins_AtTwoTunnelsOverOneConnection_TakeTurns()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync);
        var forwarding = new ForwardingSignal();
        await using AgentHost other = pair.StartAgent(forwarding, options => options.Tunnel(tunnel => tunnel with { Subdomain = "other" }));
        await forwarding.Times.WhenAsync(1);
        ScriptedConnection alice = await pair.VisitAsync();
        await LogInAsync(alice, "alice");
        (await AskAsync(alice, "", host: "other.localhost")).Status.Should().Be(401);
        (await AskAsync(alice)).Status.Should().Be(200, "nothing was asked for there");
        (await AskAsync(alice, "Authorization: NTLM 1\r\n", host: "other.localhost")).Status.Should().Be(401);
        (await AskAsync(alice)).Status.Should().Be(401);
        alice.Close();
        await Eventually.TrueAsync(() => other.Counts.Streams == 0);
    }

    [Fact]
    public async Task Login_ThatIsIdleForTooLong_IsGivenUp()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(LoggingInAsync, new PairOptions
        {
            IsTimeFake = true,
            Server = options => options with { Visitors = options.Visitors with { IdleTime = TimeSpan.FromHours(1) } },
        });
        ScriptedConnection alice = await pair.VisitAsync();
        await LogInAsync(alice, "alice");
        await pair.WhenIdleAsync();
        pair.Time.Advance(TimeSpan.FromSeconds(60));
        (await AskAsync(alice)).Status.Should().Be(200);
        await pair.WhenIdleAsync();
        pair.Time.Advance(TimeSpan.FromSeconds(121));
        await pair.Origin.Ended.WhenAsync(1);
        (await AskAsync(alice)).Status.Should().Be(401);
    }

    private static Task LoggingInAsync(ScriptedConnection connection) => PlayAsync(connection, () => true);

    private static async Task PlayAsync(ScriptedConnection connection, Func<bool> goesOn)
    {
        string? who = null;
        bool hasBegun = false;
        do
        {
            if (await connection.ReadHeadAsync() is not { } head)
            {
                return;
            }

            await connection.ReadBodyAsync(head);
            string asked = head.Field("Authorization") ?? "";
            string offer = "NTLM";
            if (asked.Equals("NTLM 1", StringComparison.OrdinalIgnoreCase))
            {
                (who, hasBegun, offer) = (null, true, "NTLM 2");
            }
            else if (asked.StartsWith("NTLM 3-", StringComparison.OrdinalIgnoreCase))
            {
                who = hasBegun ? asked[7..] : null;
            }
            else if (asked.StartsWith("Negotiate ", StringComparison.Ordinal))
            {
                who = asked[10..];
            }

            await connection.WriteAsync(who is null
                ? $"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {offer}\r\nContent-Length: 2\r\n\r\nno"
                : Talk.Ok($"{who} {connection.Number}"));
        }
        while (goesOn());
    }

    private static async Task<Answer> AskAsync(ScriptedConnection visitor, string fields = "", string? body = null, string host = TunnelPair.Name)
    {
        await visitor.WriteAsync(body is null
            ? $"GET / HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"
            : $"POST / HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: {body.Length}\r\n\r\n{body}");
        return await visitor.ReadAnswerAsync().Within();
    }

    // Returns the number of the origin connection.
    private static async Task<string> LogInAsync(ScriptedConnection visitor, string name)
    {
        Answer challenge = await AskAsync(visitor, "Authorization: NTLM 1\r\n");
        challenge.Status.Should().Be(401);
        challenge["WWW-Authenticate"].Should().Be("NTLM 2");
        Answer page = await AskAsync(visitor, $"Authorization: NTLM 3-{name}\r\n");
        page.Text.Should().StartWith($"{name} ");
        return page.Text.Split(' ')[1];
    }
}
