using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Tunnel.Integration.Tests.Pair;
using Tunnel.Server;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Encrypted;

/// <summary>HTTPS at the edge: certificates, names, and what belongs to HTTPS alone.</summary>
public sealed class HttpsTests : IDisposable
{
    private const string Name = "demo.tunnel.test";
    private readonly CertificateFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Request_OverTls_IsServedAndTheOriginIsToldTheScheme()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin((head, _) => Talk.Ok(head.Field("X-Forwarded-Proto") + " " + head.Field("Forwarded"))));
        pair.Forwarding.Grant!.Url.Should().Be($"https://{Name}:{pair.Server.HttpsPort}");
        using SecureVisitor visitor = await VisitAsync(pair);
        for (int i = 0; i < 3; i++)
        {
            string answer = await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}:{pair.Server.HttpsPort}\r\n\r\n");
            answer.Should().StartWith("HTTP/1.1 200").And.Contain("https for=127.0.0.1").And.Contain("proto=https");
        }
    }

    [Fact]
    public async Task Handshake_OffersHttp11AndNothingOlderThanTls12()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")));
        using SecureVisitor visitor = await VisitAsync(pair, change: options =>
            options.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]);
        visitor.Stream.NegotiatedApplicationProtocol.Should().Be(SslApplicationProtocol.Http11);
        visitor.Stream.SslProtocol.Should().Be(SslProtocols.Tls13);
        using SecureVisitor older = await VisitAsync(pair, change: options => options.EnabledSslProtocols = SslProtocols.Tls12);
        older.Stream.SslProtocol.Should().Be(SslProtocols.Tls12);
    }

    /// <summary>A session that is taken up again needs no certificate and no signature, and the certificate is most of what a server sends.</summary>
    [LinuxFact]
    public async Task Handshake_OfAVisitorThatComesBack_TakesItsSessionUpAgain()
    {
        DateTimeOffset later = TimeProvider.System.GetUtcNow() + TimeSpan.FromDays(30);
        using X509Certificate2 curve = _files.Authority.IssueOnCurve(later, "curve.tunnel.test");
        (string ec, string ecKey) = _files.Write("curve", curve);
        (string rsa, string rsaKey) = _files.Write("rsa", "*.tunnel.test");
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")), options => options with { Tls = options.Tls with { Certs = [ec, rsa], Keys = [ecKey, rsaKey] } });
        foreach (string name in new[] { "curve.tunnel.test", Name })
        {
            int first = await HandshakeAsync(name);
            (await HandshakeAsync(name)).Should().BeLessThan(first / 2, "{0} of {1}", name, first);
        }

        async Task<int> HandshakeAsync(string name)
        {
            using SecureVisitor visitor = await VisitAsync(pair, name);
            await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n");
            return visitor.HandshakeBytes;
        }
    }

    [Fact]
    public async Task SniAndHost_OfTwoTenantsUnderOneWildcard_IsMisdirected()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")));
        using SecureVisitor visitor = await VisitAsync(pair, "other.tunnel.test");
        string answer = await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n");
        answer.Should().StartWith("HTTP/1.1 421").And.Contain("Tunnel-Error: misdirected");
        (await visitor.AskAsync($"GET http://{Name}/ HTTP/1.1\r\nHost: other.tunnel.test\r\n\r\n")).Should().StartWith("HTTP/1.1 421");
        (await visitor.AskAsync("GET / HTTP/1.1\r\nHost: other.tunnel.test\r\n\r\n")).Should().StartWith("HTTP/1.1 404");
    }

    [Fact]
    public async Task Handshake_ThatNamesThePort_IsForTheName()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")));
        using SecureVisitor named = await VisitAsync(pair, $"{Name}:8443", options => options.RemoteCertificateValidationCallback = (_, _, _, _) => true);
        (await named.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}:8443\r\n\r\n")).Should().StartWith("HTTP/1.1 200");
    }

    [Fact]
    public async Task Handshake_OfAClientThatOffersHttp2Alone_IsToldAndNotedOnce()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")));
        byte[] hello = HandmadeHello.Records(HandmadeHello.Message([.. HandmadeHello.ServerName(Name), .. HandmadeHello.Alpn("h2")]));
        for (int i = 0; i < 3; i++)
        {
            using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
            await visitor.WriteAsync(hello);
            (await visitor.ReadToEndAsync().Within()).Should().Equal([0x15, 3, 3, 0, 2, 2, 120]);
        }

        pair.Log.Count(line => line.Contains("speaks HTTP/2 only", StringComparison.Ordinal)).Should().Be(1);
    }

    [Fact]
    public async Task Handshake_WithoutSni_GetsTheDefaultAndHostDecides()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")));
        using SecureVisitor visitor = await VisitAsync(pair, "127.0.0.1", options =>
        {
            options.CertificateChainPolicy = null;
            options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        });
        visitor.Certificate.Subject.Should().Be("CN=*.tunnel.test");
        (await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n")).Should().StartWith("HTTP/1.1 200");
    }

    [Fact]
    public async Task Certificates_Several_AreChosenByExactNameThenWildcardThenDefault()
    {
        (string first, string firstKey) = _files.Write("default", "fallback.test");
        (string exact, string exactKey) = _files.Write("exact", "exact.tunnel.test");
        (string wild, string wildKey) = _files.Write("wild", "*.tunnel.test");
        await using TunnelPair pair = await StartAsync(
            Talk.Origin(Talk.Ok("hi")), options => options with { Tls = options.Tls with { Certs = [first, exact, wild], Keys = [firstKey, exactKey, wildKey] } });
        foreach ((string name, string subject) in new[]
        {
            ("exact.tunnel.test", "CN=exact.tunnel.test"), ("demo.tunnel.test", "CN=*.tunnel.test"), ("a.b.tunnel.test", "CN=fallback.test"),
        })
        {
            using SecureVisitor visitor = await VisitAsync(pair, name, options => options.RemoteCertificateValidationCallback = (_, _, _, _) => true);
            visitor.Certificate.Subject.Should().Be(subject);
        }
    }

    [Fact]
    public async Task PlainHttp_WithRedirect_IsSentToTheSameAddress()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")), options => options with { Tls = options.Tls with { RedirectsToHttps = true } });
        Answer answer = await pair.AskAsync($"POST /a?b=%20c HTTP/1.1\r\nHost: {Name}:{pair.Server.HttpPort}\r\nContent-Length: 0\r\n\r\n");
        answer.Status.Should().Be(308);
        answer["Location"].Should().Be($"https://{Name}:{pair.Server.HttpsPort}/a?b=%20c");
        using SecureVisitor visitor = await VisitAsync(pair);
        (await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n")).Should().StartWith("HTTP/1.1 200");
    }

    [Fact]
    public async Task Hsts_ByOption_IsOnEveryEncryptedAnswerUnlessTheOriginHasItsOwn()
    {
        await using TunnelPair pair = await StartAsync(
            Talk.Origin((head, _) => head.StartsWith("GET /own", StringComparison.Ordinal) ? Talk.Ok("hi", "Strict-Transport-Security: max-age=1\r\n") : Talk.Ok("hi")),
            options => options with { Tls = options.Tls with { Hsts = TimeSpan.FromDays(1) } });
        using SecureVisitor visitor = await VisitAsync(pair);
        (await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n")).Field("Strict-Transport-Security").Should().Be("max-age=86400");
        (await visitor.AskAsync($"GET /own HTTP/1.1\r\nHost: {Name}\r\n\r\n")).Field("Strict-Transport-Security").Should().Be("max-age=1");
        (await visitor.AskAsync("GET / HTTP/1.1\r\nHost: another.tunnel.test\r\n\r\n")).Field("Strict-Transport-Security").Should().Be("max-age=86400");
        (await pair.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n"))["Strict-Transport-Security"].Should().BeNull("plain HTTP must not say it (RFC 6797 section 7.2)");
    }

    [Fact]
    public async Task PlainHttp_OnTheHttpsPort_IsToldInItsOwnWords()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")));
        using ScriptedConnection visitor = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
        await visitor.WriteAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n");
        Answer answer = await visitor.ReadAnswerAsync().Within();
        answer.Status.Should().Be(400);
        answer.Text.Should().Contain("https://");
    }

    [Fact]
    public async Task Connection_IdleWhenTheServerStops_IsClosedInOrder()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")));
        using SecureVisitor visitor = await VisitAsync(pair);
        await visitor.AskAsync($"GET / HTTP/1.1\r\nHost: {Name}\r\n\r\n");
        Task stopping = pair.Server.StopAsync();
        (await visitor.ReadToEndAsync()).Should().BeEmpty("close_notify, not a reset");
        visitor.Dispose();
        await stopping.Within();
    }

    [Fact]
    public async Task Visitor_ThatOnlyOpensTheConnection_IsCutByTheHandshakeTime()
    {
        await using TunnelPair pair = await StartAsync(Talk.Origin(Talk.Ok("hi")), isTimeFake: true);
        using ScriptedConnection silent = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
        using ScriptedConnection halfway = await ScriptedConnection.ConnectAsync(pair.Server.HttpsPort!.Value);
        await halfway.WriteAsync(HandmadeHello.For(Name).AsMemory(0, 40));
        await pair.AdvanceUntilAsync(Task.WhenAll(silent.ReadToEndAsync(), halfway.ReadToEndAsync()));
    }

    private Task<TunnelPair> StartAsync(
        Func<ScriptedConnection, Task> origin, Func<ServerOptions, ServerOptions>? change = null, bool isTimeFake = false)
    {
        (string cert, string key) = _files.Write("wildcard", "*.tunnel.test", "tunnel.test");
        return TunnelPair.StartAsync(origin, new PairOptions
        {
            IsTimeFake = isTimeFake,
            Server = options =>
            {
                options = options with { Domain = "tunnel.test", Listen = options.Listen with { HttpsPort = 0 }, Tls = options.Tls with { Certs = [cert], Keys = [key] } };
                return change is null ? options : change(options);
            },
        });
    }

    private Task<SecureVisitor> VisitAsync(TunnelPair pair, string name = Name, Action<SslClientAuthenticationOptions>? change = null) =>
        SecureVisitor.ConnectAsync(pair.Server.HttpsPort!.Value, _files.Authority, name, change);
}
