using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Hosting.Secrets;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class GatekeeperTests : IDisposable
{
    private static readonly IPEndPoint Here = new(IPAddress.Loopback, 9090);
    private static readonly IPEndPoint Outside = new(IPAddress.Parse("203.0.113.7"), 40_000);
    private static readonly IPEndPoint Public = new(IPAddress.Parse("198.51.100.1"), 9090);

    private readonly string _folder = Directory.CreateTempSubdirectory("tunnel-gate-").FullName;
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly ServerOptions _options = new() { Domain = "tunnel.com" };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Whether both ends are loopback, TLS, the rule, what was shown; and what becomes of it.</summary>
    [Theory]
    [InlineData(true, false, false, "none", null)]
    [InlineData(true, true, false, "none", null)]
    [InlineData(true, false, true, "none", RejectCodes.TokenRequired)]
    [InlineData(true, false, true, "good", null)]
    [InlineData(true, false, false, "good", null)]
    [InlineData(true, false, false, "wrong", RejectCodes.TokenUnknown)]
    [InlineData(false, true, false, "none", RejectCodes.TokenRequired)]
    [InlineData(false, true, false, "good", null)]
    [InlineData(false, true, false, "wrong", RejectCodes.TokenUnknown)]
    [InlineData(false, true, false, "", RejectCodes.TokenUnknown)]
    [InlineData(false, false, false, "good", RejectCodes.TlsRequired)]
    [InlineData(false, false, false, "none", RejectCodes.TlsRequired)]
    [InlineData(false, false, true, "good", RejectCodes.TlsRequired)]
    public async Task Agent_ShowingAToken_IsAdmittedOrRefused(bool isLocal, bool isEncrypted, bool requireToken, string shown, string? code)
    {
        TokenStore store = Store();
        (AgentToken token, _) = await MakeAsync(store, "laptop");
        var gate = new Gatekeeper(_options with { Agents = _options.Agents with { RequireToken = requireToken } }, store, _clock, NullLogger.Instance);
        string? credential = shown switch
        {
            "good" => token.Credential,
            "wrong" => token.Credential[..^2] + (token.Credential.EndsWith("AA", StringComparison.Ordinal) ? "BA" : "AA"),
            "none" => null,
            _ => shown,
        };

        AgentIdentity? who = gate.Identify(credential, isLocal ? LinkFacts.Of(Here, Here, isEncrypted) : LinkFacts.Of(Public, Outside, isEncrypted), out RejectMessage? refusal);

        refusal?.Code.Should().Be(code);
        (who is null).Should().Be(code is not null);
        who?.Key.Should().Be(shown == "good" ? token.Id : "local");
    }

    [Fact]
    public void Plaintext_AllowedByOption_StillNeedsAToken()
    {
        var gate = new Gatekeeper(_options with { Agents = _options.Agents with { AllowPlaintext = true } }, Store(), _clock, NullLogger.Instance);

        gate.Identify(null, LinkFacts.Of(Public, Outside, isEncrypted: false), out RejectMessage? refusal).Should().BeNull();

        refusal!.Code.Should().Be(RejectCodes.TokenRequired);
    }

    /// <summary>One end on loopback is not local, whichever it is; nor is an IPv4 address in IPv6 clothes that is not loopback.</summary>
    [Theory]
    [InlineData("127.0.0.1", "203.0.113.7", false)]
    [InlineData("203.0.113.7", "127.0.0.1", false)]
    [InlineData("::ffff:203.0.113.7", "::ffff:203.0.113.8", false)]
    [InlineData("::ffff:127.0.0.1", "::ffff:127.0.0.1", true)]
    [InlineData("::1", "::1", true)]
    [InlineData("127.0.0.1", "127.9.9.9", true)]
    public void Link_BetweenAddresses_IsLocalOnlyWithinLoopback(string local, string remote, bool isLocal) =>
        LinkFacts.Of(new IPEndPoint(IPAddress.Parse(local), 1), new IPEndPoint(IPAddress.Parse(remote), 2), isEncrypted: false)
            .IsLocal.Should().Be(isLocal);

    [Fact]
    public async Task Token_MadeAMomentAgo_IsKnownAtOnce()
    {
        TokenStore server = Store();
        var gate = new Gatekeeper(_options, server, _clock, NullLogger.Instance);

        (AgentToken token, _) = await MakeAsync(Store(), "laptop");

        gate.Identify(token.Credential, LinkFacts.Of(Public, Outside, isEncrypted: true), out _).Should().NotBeNull();
    }

    [Fact]
    public async Task Session_OfATokenThatIsGone_MustEnd()
    {
        TokenStore store = Store();
        var gate = new Gatekeeper(_options, store, _clock, NullLogger.Instance);
        var issuer = new TokenIssuer(store, _clock);
        (AgentToken first, _) = await MakeAsync(store, "first");
        (AgentToken second, _) = await issuer.CreateAsync(TokenStoreTests.Wanted("second") with { Expires = _clock.GetUtcNow().AddHours(1) }, null, "x:1");
        (AgentToken third, _) = await MakeAsync(store, "third");
        AgentIdentity[] agents = [Identify(gate, first), Identify(gate, second), Identify(gate, third)];
        agents.Select(agent => gate.FindEnd(agent)).Should().OnlyContain(reason => reason == null);

        await issuer.RevokeAsync("first", forget: false);
        await issuer.RevokeAsync("third", forget: true);
        _clock.Advance(TimeSpan.FromHours(1));

        gate.FindEnd(agents[0]).Should().Contain("revoked");
        gate.FindEnd(agents[1]).Should().Contain("expired");
        gate.FindEnd(agents[2]).Should().Contain("not known");
        gate.FindEnd(AgentIdentity.Local).Should().BeNull();
    }

    [Fact]
    public async Task LocalAgent_WhoseNameATokenGets_MayNotServeItAnyMore()
    {
        TokenStore store = Store();
        var gate = new Gatekeeper(_options, store, _clock, NullLogger.Instance);
        gate.Judge(AgentIdentity.Local, "demo.tunnel.com").Should().BeNull();

        await new TokenIssuer(store, _clock).CreateAsync(TokenStoreTests.Wanted("owner") with { Subdomains = ["demo"] }, null, "x:1");

        gate.Judge(AgentIdentity.Local, "demo.tunnel.com").Should().Contain("somebody else's token");
        gate.FindEnd(AgentIdentity.Local).Should().BeNull();
        gate.IsKnown("demo.tunnel.com").Should().BeTrue();
        gate.IsKnown("other.tunnel.com").Should().BeFalse();
    }

    [Fact]
    public async Task Name_FirstAskedFor_BecomesTheTokensOwn()
    {
        TokenStore store = Store();
        var gate = new Gatekeeper(_options, store, _clock, NullLogger.Instance);
        AgentIdentity first = Identify(gate, (await MakeAsync(store, "first")).Token);
        AgentIdentity second = Identify(gate, (await MakeAsync(store, "second")).Token);

        gate.Judge(first, "demo.tunnel.com").Should().BeNull();
        gate.Judge(second, "demo.tunnel.com").Should().BeNull("asking is not having");
        gate.Claim(first, "demo.tunnel.com", isWanted: true).Should().BeNull();

        gate.Judge(second, "demo.tunnel.com").Should().NotBeNull();
        gate.Judge(AgentIdentity.Local, "demo.tunnel.com").Should().NotBeNull();
        gate.Claim(AgentIdentity.Local, "free.tunnel.com", isWanted: true).Should().BeNull();
        gate.IsKnown("free.tunnel.com").Should().BeFalse();
    }

    [Fact]
    public async Task Name_UnderAStar_IsKnownOnceItWasServed()
    {
        TokenStore store = Store();
        var gate = new Gatekeeper(_options, store, _clock, NullLogger.Instance);
        var issuer = new TokenIssuer(store, _clock);
        AgentIdentity everything = Identify(gate, (await issuer.CreateAsync(TokenStoreTests.Wanted("all") with { Subdomains = ["*", "exact"], Hostnames = ["*.example.org"] }, null, "x:1")).Token);
        string[] served = ["demo.tunnel.com", "shop.example.org"];

        gate.IsKnown("exact.tunnel.com").Should().BeTrue("it is named");
        served.Should().OnlyContain(name => !gate.IsKnown(name));
        Array.ForEach(served, name => gate.Claim(everything, name, isWanted: true).Should().BeNull());
        gate.Claim(everything, "amber-otter-123.tunnel.com", isWanted: false).Should().BeNull();

        served.Should().OnlyContain(name => gate.IsKnown(name));
        gate.IsKnown("other.tunnel.com").Should().BeFalse();
        gate.IsKnown("amber-otter-123.tunnel.com").Should().BeFalse("the server chose it");
        await store.SaveNotesAsync(CancellationToken.None);
        await issuer.RevokeAsync("all", forget: false);
        gate.IsKnown("demo.tunnel.com").Should().BeFalse("nobody comes for it any more");
        await issuer.CreateAsync(TokenStoreTests.Wanted("all") with { Subdomains = ["d*"] }, null, "x:1");
        gate.IsKnown("demo.tunnel.com").Should().BeTrue("the next token of that name covers it");
        gate.IsKnown("shop.example.org").Should().BeFalse("and not this one");
    }

    [Fact]
    public async Task Port_TheServerChose_IsNobodysOwn()
    {
        TokenStore store = Store();
        var gate = new Gatekeeper(_options, store, _clock, NullLogger.Instance);
        (AgentToken token, TokenRecord record) = await MakeAsync(store, "laptop");
        AgentIdentity laptop = Identify(gate, token);

        gate.Claim(laptop, TcpName.Of(20_000), isWanted: false).Should().BeNull();
        gate.Claim(laptop, TcpName.Of(20_001), isWanted: true).Should().BeNull();

        store.Current.Find(record.Id)!.Claims.Should().Equal(TcpName.Of(20_001));
    }

    private TokenStore Store() => TokenStore.Open(_folder, _options.Domain, _clock);

    private Task<(AgentToken Token, TokenRecord Record)> MakeAsync(TokenStore store, string name) =>
        new TokenIssuer(store, _clock).CreateAsync(TokenStoreTests.Wanted(name), null, "tunnel.com:9090");

    private static AgentIdentity Identify(Gatekeeper gate, AgentToken token) =>
        gate.Identify(token.Credential, LinkFacts.Of(Public, Outside, isEncrypted: true), out _)!;
}
