using Tunnel.Integration.Tests.Pair;

namespace Tunnel.Integration.Tests.Forwarding;

/// <summary>What the domain of the server itself shows, which is the first address that whoever set it up opens.</summary>
public sealed class LandingPageTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200)]
    [InlineData("GET / HTTP/1.1\r\nHost: LOCALHOST.:80\r\nAccept: text/html\r\n\r\n", 200)]
    [InlineData("GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 200)]
    [InlineData("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200)]
    public async Task Domain_IsToldAtOnceThatAServerRunsThere(string request, int status)
    {
        // One that has just begun would let a request for a name that nobody knows wait.
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions { HasAgent = false, IsTimeFake = true });
        Answer answer = await pair.AskAsync(request);
        (answer.Status, answer["Tunnel-Error"]).Should().Be((status, null));
        pair.Server.Held.Should().Be(0);
    }

    [Theory]
    [InlineData("GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n", true)]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", true)]
    [InlineData("GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n", true)]
    [InlineData("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", true)]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false)]
    public async Task AnythingElse_OrAServerThatDoesNotWantIt_IsNotFound(string request, bool hasPage)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("x")), new PairOptions
        {
            HasAgent = false,
            Server = options => options with { Pages = options.Pages with { HasLandingPage = hasPage }, Waiting = options.Waiting with { Hold = TimeSpan.Zero } },
        });
        Answer answer = await pair.AskAsync(request);
        (answer.Status, answer["Tunnel-Error"]).Should().Be((404, "tunnel-not-found"));
    }
}
