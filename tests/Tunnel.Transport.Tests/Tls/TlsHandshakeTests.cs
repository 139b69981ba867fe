using System.Net.Security;
using System.Security.Authentication;
using Tunnel.TestSupport;
using Tunnel.Transport.Tls;

namespace Tunnel.Transport.Tests.Tls;

public sealed class TlsHandshakeTests : IAsyncLifetime
{
    private readonly LeakCheckingPool _pool = new();
    private TcpLinkPair _below = null!;

    public async Task InitializeAsync() => _below = await TcpLinkPair.CreateAsync(_pool);

    public async Task DisposeAsync()
    {
        await _below.A.Input.CompleteAsync();
        await _below.B.Input.CompleteAsync();
        await _below.DisposeAsync();
        _pool.Dispose();
    }

    [Fact]
    public async Task Handshake_WithBytesAlreadyPeekedAt_TakesThemFromTheLink()
    {
        using var authority = new TestAuthority();
        using var certificate = authority.Issue("demo.tunnel");
        Task<TlsConnection> connecting = ConnectAsync(authority.ClientOptions("demo.tunnel"));
        var peeked = await _below.B.Input.ReadAsync().Within();
        _below.B.Input.AdvanceTo(peeked.Buffer.Start);
        await using TlsConnection server = await AcceptAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate });
        await using TlsConnection client = await connecting.Within();
        client.PeerCertificate!.Subject.Should().Be("CN=demo.tunnel");
        await CompleteAsync(client, server);
    }

    [Fact]
    public async Task Client_OfAnotherAuthority_IsToldUntrusted()
    {
        using var authority = new TestAuthority("Another authority");
        Task accepting = AcceptAsync(TlsLinkPair.ServerOptions());
        TlsHandshakeException failure = await Fails(ConnectAsync(authority.ClientOptions("test.tunnel")));
        failure.Failure.Should().Be(TlsHandshakeFailure.Untrusted);
        failure.Message.Should().StartWith("test.tunnel is not trusted: the authority that signed its certificate");
        await DrainQuietlyAsync(accepting);
    }

    [Fact]
    public async Task Client_CertificateForAnotherNameAndExpired_IsToldBoth()
    {
        using var authority = new TestAuthority();
        using var certificate = authority.Issue(TimeProvider.System.GetUtcNow() - TimeSpan.FromDays(1), "demo.tunnel");
        Task accepting = AcceptAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate });
        TlsHandshakeException failure = await Fails(ConnectAsync(authority.ClientOptions("other.tunnel")));
        failure.Failure.Should().Be(TlsHandshakeFailure.Untrusted);
        failure.Message.Should().Contain("is not for other.tunnel").And.Contain("has expired");
        await DrainQuietlyAsync(accepting);
    }

    [Fact]
    public async Task Server_PeerSpeaksAnotherProtocol_IsTold()
    {
        Task<TlsConnection> accepting = AcceptAsync(TlsLinkPair.ServerOptions());
        await _below.A.Output.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await Fails(accepting)).Failure.Should().Be(TlsHandshakeFailure.NotTls);
    }

    [Fact]
    public async Task Server_PeerLeavesBeforeItsFirstByte_IsToldSo()
    {
        Task<TlsConnection> accepting = AcceptAsync(TlsLinkPair.ServerOptions());
        await _below.A.Output.CompleteAsync().Within();
        (await Fails(accepting)).Failure.Should().Be(TlsHandshakeFailure.PeerLeft);
    }

    [Fact]
    public async Task Server_PeerResetsInTheMiddle_IsToldSo()
    {
        Task<TlsConnection> accepting = AcceptAsync(TlsLinkPair.ServerOptions());
        await _below.A.Output.WriteAsync(new byte[] { 0x16, 3, 1, 2, 0, 1 });
        _below.A.Abort();
        (await Fails(accepting)).Failure.Should().Be(TlsHandshakeFailure.PeerLeft);
    }

    [Fact]
    public async Task Server_TimeIsUp_IsCancelledAndTheLinkIsStillItsOwners()
    {
        using var limit = new CancellationTokenSource();
        Task<TlsConnection> accepting = TlsConnection.AcceptAsync(_below.B, _pool, TlsLinkPair.ServerOptions(), limit.Token);
        await limit.CancelAsync();
        await FluentActions.Awaiting(() => accepting.Within()).Should().ThrowAsync<OperationCanceledException>();
        await _below.B.Output.SendAsync("mine");
        (await _below.A.Input.TakeTextAsync(4)).Should().Be("mine");
    }

    [Fact]
    public async Task Versions_NoneInCommon_BothSidesAreRefused()
    {
        SslServerAuthenticationOptions server = TlsLinkPair.ServerOptions();
        server.EnabledSslProtocols = SslProtocols.Tls13;
        using var authority = new TestAuthority();
        SslClientAuthenticationOptions client = authority.ClientOptions("test.tunnel");
        client.EnabledSslProtocols = SslProtocols.Tls12;
        Task<TlsConnection> accepting = AcceptAsync(server);
        (await Fails(ConnectAsync(client))).Failure.Should().Be(TlsHandshakeFailure.Refused);
        (await Fails(accepting)).Failure.Should().Be(TlsHandshakeFailure.Refused);
    }

    private Task<TlsConnection> AcceptAsync(SslServerAuthenticationOptions options) =>
        TlsConnection.AcceptAsync(_below.B, _pool, options, CancellationToken.None);

    private Task<TlsConnection> ConnectAsync(SslClientAuthenticationOptions options) =>
        TlsConnection.ConnectAsync(_below.A, _pool, options, CancellationToken.None);

    private static async Task<TlsHandshakeException> Fails(Task task) =>
        (await FluentActions.Awaiting(() => task.Within()).Should().ThrowAsync<TlsHandshakeException>()).Which;

    private static async Task CompleteAsync(params TlsConnection[] ends)
    {
        foreach (TlsConnection end in ends)
        {
            await end.Input.CompleteAsync();
        }
    }

    // With TLS 1.3 the server is through before it hears of the client's refusal.
    private static async Task DrainQuietlyAsync(Task accepting)
    {
        try
        {
            await accepting.Within();
        }
        catch (TlsHandshakeException)
        {
            // That is the other outcome.
        }
    }
}
