using Tunnel.Agent.Tunnels;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>Headers that a tunnel sets or leaves out, both ways.</summary>
public sealed class HeaderRulesTests
{
    private static readonly HeaderOptions Rules = new()
    {
        RequestSet = ["X-Env: dev", "Authorization: Bearer inner", "Origin: http://localhost"],
        RequestRemove = ["Cookie", "X-Noise"],
        AnswerSet = ["Cache-Control: no-store", "X-Frame-Options: DENY"],
        AnswerRemove = ["Server", "X-Powered-By", "Set-Cookie"],
    };

    [Fact]
    public async Task Request_IsChanged_WhateverTheVisitorSends()
    {
        string head = "";
        await using TunnelPair pair = await StartAsync(async origin =>
        {
            head = await origin.ReadHeadAsync() ?? "";
            await origin.WriteAsync("HTTP/1.1 204 No Content\r\n\r\n");
        });

        await pair.GetAsync(fields: "X-Env: evil\r\nx-env: twice\r\nCookie: a=b\r\nX-Noise: 1\r\nx-noise: 2\r\nAuthorization: Basic outer\r\nOrigin: http://demo.localhost\r\nX-Stays: yes\r\n");

        head.Should().Contain("\r\nX-Env: dev\r\n").And.Contain("\r\nAuthorization: Bearer inner\r\n").And.Contain("\r\nOrigin: http://localhost\r\n").And.Contain("\r\nX-Stays: yes\r\n")
            .And.NotContain("evil").And.NotContain("twice").And.NotContain("a=b").And.NotContainEquivalentOf("x-noise").And.NotContain("outer").And.NotContain("Origin: http://demo");
    }

    [Fact]
    public async Task Answer_IsChanged_WhateverTheOriginSends()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(
            "HTTP/1.1 200 OK\r\nServer: app\r\nX-Powered-By: php\r\nCache-Control: public\r\nCache-Control: max-age=1\r\nSet-Cookie: a=b\r\nX-Stays: yes\r\nContent-Length: 2\r\n\r\nhi"));

        Answer answer = await pair.GetAsync();

        answer["Cache-Control"].Should().Be("no-store");
        answer["X-Frame-Options"].Should().Be("DENY");
        answer["X-Stays"].Should().Be("yes");
        answer["Server"].Should().BeNull();
        answer["X-Powered-By"].Should().BeNull();
        answer["Set-Cookie"].Should().BeNull();
        answer.Text.Should().Be("hi");
    }

    [Fact]
    public async Task Rules_ThatChangeWhileItRuns_HoldFromTheNextRequestOn()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")));
        (await pair.GetAsync())["X-Frame-Options"].Should().Be("DENY");
        pair.Agent.Change([pair.Agent.Tunnels[0].Tunnel with { Headers = new HeaderOptions { AnswerSet = ["X-Frame-Options: SAMEORIGIN"] } }]);
        await Eventually.TrueAsync(async () => (await pair.GetAsync())["X-Frame-Options"] == "SAMEORIGIN");
    }

    private static Task<TunnelPair> StartAsync(Func<ScriptedConnection, Task> origin) =>
        TunnelPair.StartAsync(origin, new PairOptions { Agent = options => options.Tunnel(tunnel => tunnel with { HostHeader = "origin", Headers = Rules }) });
}
