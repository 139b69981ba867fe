using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tunnel.Agent;
using Tunnel.Integration.Tests.Pair;

namespace Tunnel.Integration.Tests.Encrypted;

/// <summary>Local servers that speak TLS.</summary>
public sealed class HttpsOriginTests : IDisposable
{
    private readonly CertificateFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Origin_OfANamedAuthority_IsAskedOverTlsAndItsConnectionIsKept()
    {
        string ca = Path.Combine(_files.Folder, "ca.pem");
        File.WriteAllText(ca, _files.Authority.Pem);
        using X509Certificate2 certificate = _files.Authority.Issue("127.0.0.1");
        await using TunnelPair pair = await StartAsync(certificate, options => options.Origin(origin => origin with { CaFile = ca }));
        for (int i = 0; i < 3; i++)
        {
            Answer answer = await pair.GetAsync();
            answer.Status.Should().Be(200);
            answer.Text.Should().Be("over TLS");
        }

        pair.Origin.Accepted.Count.Should().Be(1);
    }

    [Fact]
    public async Task Origin_OfAnUnknownAuthority_IsNotTrustedAndTheLogSaysWhatToDo()
    {
        using X509Certificate2 certificate = _files.Authority.Issue("127.0.0.1");
        await using TunnelPair pair = await StartAsync(certificate, options => options);
        Answer answer = await pair.GetAsync();
        answer.Status.Should().Be(502);
        answer["Tunnel-Error"].Should().Be("origin-refused");
        pair.Log.Should().Contain(line => line.Contains("is not trusted") && line.Contains("--local-ca FILE"));
    }

    [Fact]
    public async Task Origin_Unchecked_IsTakenAndTheLogSaysWhatThatMeans()
    {
        using X509Certificate2 certificate = _files.Authority.Issue("another.name");
        await using TunnelPair pair = await StartAsync(certificate, options => options.Origin(origin => origin with { IsUnchecked = true }));
        (await pair.GetAsync()).Text.Should().Be("over TLS");
        pair.Log.Should().Contain(line => line.Contains("--local-insecure") && line.Contains("can read and change everything"));
    }

    [Fact]
    public async Task Origin_ThatSpeaksPlainHttp_IsAnErrorWithAHint()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync(
            async connection =>
            {
                await connection.ReadExactlyAsync(1);
                await connection.WriteAsync("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            },
            new PairOptions { Agent = options => options.Origin(origin => origin with { IsHttps = true }) });

        Answer answer = await pair.GetAsync();

        answer["Tunnel-Error"].Should().Be("origin-refused");
        answer.Text.Should().Contain("--local-https").And.NotContain("Start it");
        pair.Log.Should().ContainSingle(line => line.StartsWith("Warning: ") && line.Contains("leave --local-https out"));
    }

    private static Task<TunnelPair> StartAsync(X509Certificate2 certificate, Func<AgentOptions, AgentOptions> change) => TunnelPair.StartAsync(
        async connection =>
        {
            await using var tls = new SslStream(new NetworkStream(connection.Socket, ownsSocket: false));
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate });
            byte[] buffer = new byte[8192];
            while (await tls.ReadAsync(buffer) > 0)
            {
                await tls.WriteAsync(Encoding.ASCII.GetBytes(Talk.Ok("over TLS")));
            }
        },
        new PairOptions { Agent = options => change(options.Origin(origin => origin with { IsHttps = true })) });
}
