using System.Text;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent.Tests.Tunnels;

public sealed class AgentFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tunnel-file-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void File_WithSeveralTunnels_IsReadWhole()
    {
        File.WriteAllText(Path.Combine(_folder, "users"), $"anna:$2y$10${new string('a', 53)}\n");
        (AgentFile? file, IReadOnlyList<string> faults) = Read("""
            server: tunnel.com:9443
            tunnels:
              web: { port: 5173, subdomain: demo, host-header: origin, paths: { /api: 3000, /api/old: { origin: https://localhost:8443, local-insecure: true } } }
              db: { protocol: tcp, origin: 192.168.1.5:5432, remote-port: 20432, allow: [10.0.0.0/8, 192.0.2.7] }
              sock: unix:/run/app.sock
              closed: { port: 1, basic-auth-file: users, basic-auth: ["bert:secret word"] }
            """);
        faults.Should().BeEmpty();
        TunnelOptions[] tunnels = [.. file!.Tunnels];
        tunnels.Select(tunnel => tunnel.Name).Should().Equal("web", "db", "sock", "closed");
        tunnels[0].Should().Match<TunnelOptions>(web => web.Subdomain == "demo" && web.HostHeader == "origin" && web.OriginText == "http://localhost:5173");
        tunnels[0].Paths.Select(path => (path.Prefix, path.Origin.Text("http"))).Should().Equal(("/api", "http://localhost:3000"), ("/api/old", "https://localhost:8443"));
        tunnels[1].Should().Match<TunnelOptions>(db => db.Protocol == "tcp" && db.RemotePort == 20432 && db.Origin.Host == "192.168.1.5" && db.Origin.Port == 5432);
        tunnels[1].Guard!.Allow.Should().Equal("10.0.0.0/8", "192.0.2.7");
        tunnels[2].Origin.Socket.Should().Be("/run/app.sock");
        tunnels[3].Guard!.Users.Should().HaveCount(2).And.OnlyContain(user => user.Contains(":$2", StringComparison.Ordinal) && !user.Contains("secret", StringComparison.Ordinal));
        BCrypt.Net.BCrypt.Verify("secret word", tunnels[3].Guard!.Users![1][5..]).Should().BeTrue();
        file.AgentValues(new OptionFaults())["server"].Texts.Should().Equal("tunnel.com:9443");
    }

    [Theory]
    [InlineData("tunnels: { web: { prot: 1 } }", ":1:19: 'prot' is not known here. Did you mean 'port'?")]
    [InlineData("tunnels: { web: { port: eighty } }", ":1:19: port: 'eighty' is not a whole number")]
    [InlineData("tunnels: { web: { port: 0 } }", ":1:19: port takes a port from 1 to 65535.")]
    [InlineData("tunnels: { web: { port: 1, origin: 2 } }", ":1:12: tunnel web: origin says where the local server is")]
    [InlineData("tunnels: { web: { subdomain: a } }", ":1:12: tunnel web: port is missing")]
    [InlineData("tunnels: { web: { port: 1, subdomain: a, hostname: b.c } }", ":1:12: tunnel web: subdomain and hostname exclude each other")]
    [InlineData("tunnels: { web: { port: 1, protocol: tpc } }", ":1:28: protocol: 'tpc' is not one of http, tls, tcp.")]
    [InlineData("tunnels: { web: { port: [1] } }", ":1:19: port takes one value (N), and here is a list.")]
    [InlineData("tunnels: { web: { port: 1, pool: maybe } }", ":1:28: pool: 'maybe' is not true or false.")]
    [InlineData("tunnels: { web: { port: 1, allow: 10.0.0.0/99 } }", ":1:12: tunnel web: allow: '10.0.0.0/99' is not an address")]
    [InlineData("tunnels: { web: { port: 1, basic-auth: [anna] } }", ":1:12: tunnel web: basic-auth takes NAME:PASSWORD")]
    [InlineData("tunnels: { web: { port: 1, basic-auth-file: nowhere } }", ":1:12: tunnel web: basic-auth-file: ")]
    [InlineData("tunnels: { web: { port: 1, paths: { api: 2 } } }", ":1:37: 'api' is not a path like /api")]
    [InlineData("tunnels: { web: { port: 1, request-header: 'Host: a' } }", ":1:12: tunnel web: request-header: 'Host' names a header that is not yours to change")]
    [InlineData("tunnels: { web: { port: 1, answer-header: nothing } }", ":1:12: tunnel web: answer-header: 'nothing' is not NAME: VALUE")]
    [InlineData("tunnels: { web: { port: 1, protocol: tls, answer-header-remove: [Server] } }", ":1:12: tunnel web: request-header and answer-header are for protocol http")]
    [InlineData("tunnels: { web: { port: 1, paths: 3 } }", ":1:28: paths takes a local server for each path")]
    [InlineData("tunnels: { web: [1] }", ":1:12: tunnel web takes a port or options like")]
    [InlineData("tunnels: { 'we b': 1 }", ":1:12: 'we b' is no name for a tunnel")]
    [InlineData("tunnels: [web]", ":1:1: tunnels takes a name for each tunnel")]
    [InlineData("tunnels:", ":1:1: there is no tunnel in this file")]
    [InlineData("server: x", ":1:1: there is no tunnel in this file")]
    [InlineData("tunels: { web: 1 }", ":1:1: 'tunels' is not known here. Did you mean 'tunnels'?")]
    public void Mistake_IsToldWithPlaceKeyAndRemedy(string text, string fault)
    {
        (AgentFile? file, IReadOnlyList<string> said) = Read(text);
        var faults = new OptionFaults();
        file!.AgentValues(faults);
        said.Concat(faults.All).Should().Contain(line => line.StartsWith($"{file.Path}{fault}", StringComparison.Ordinal));
    }

    [Fact]
    public void Mistakes_AreToldAllAtOnce()
    {
        string names = string.Concat(Enumerable.Range(0, 10).Select(number => $"  t{number}: {{ prot: {number} }}\n"));
        Read($"tunnels:\n{names}").Faults.Should().HaveCount(10);
    }

    [Fact]
    public void File_WithMarkAndWindowsLines_IsRead()
    {
        string path = Path.Combine(_folder, "tunnel.yaml");
        File.WriteAllBytes(path, [.. Encoding.UTF8.Preamble, .. "tunnels:\r\n  web: 8080\r\n"u8]);
        var faults = new OptionFaults();
        AgentFile.Read(path, faults)!.Tunnels.Should().ContainSingle();
        faults.All.Should().BeEmpty();
    }

    [Fact]
    public void Names_ThatAreNotThere_AreToldWithTheNearest()
    {
        AgentFile file = Read("tunnels: { web: 1, api: 2 }").File!;
        var faults = new OptionFaults();
        file.Select(["api"], faults).Select(tunnel => tunnel.Name).Should().Equal("api");
        file.Select(["wbe"], faults);
        faults.All.Should().ContainSingle().Which.Should().Contain("Did you mean 'web'?").And.Contain("web, api");
    }

    [Theory]
    [InlineData("5173", "localhost:5173")]
    [InlineData("192.168.1.5:80", "192.168.1.5:80")]
    [InlineData("[::1]:80", "[::1]:80")]
    [InlineData("http://app", "app:80")]
    [InlineData("http://app:3000/", "app:3000")]
    [InlineData("https://localhost:8443", "https://localhost:8443")]
    [InlineData("HTTPS://app", "https://app:443")]
    [InlineData("tcp://db:5432", "db:5432")]
    [InlineData("unix:/run/app.sock", "unix:/run/app.sock")]
    [InlineData("0", null)]
    [InlineData("65536", null)]
    [InlineData("localhost", null)]
    [InlineData("http://app/path", null)]
    [InlineData("ftp://app", null)]
    [InlineData("unix:", null)]
    [InlineData("http://user:word@app", null)]
    [InlineData("", null)]
    public void Origin_IsReadInEveryForm(string text, string? origin) => OriginAddress.TryParse(text)?.ToString().Should().Be(origin);

    private (AgentFile? File, IReadOnlyList<string> Faults) Read(string text)
    {
        string path = Path.Combine(_folder, "tunnel.yaml");
        File.WriteAllText(path, text);
        var faults = new OptionFaults();
        return (AgentFile.Read(path, faults), faults.All);
    }
}
