using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Tunnel.Agent;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Agents;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Identity;

/// <summary>What must be said to one peer alone appears nowhere else.</summary>
public sealed class SecretsTests
{
    // htpasswd -nbB alice 'open sesame'
    private const string Alice = "alice:$2y$05$wJyd8/wZKF6I4Rjl8QvqZe3DX4E4b9eNkKN9aI7/PqsvlFkJAPboK";

    [Fact]
    public async Task Secrets_OfAgentsAndVisitors_AppearInNoLogMetricOrPage()
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        AgentToken token = await tokens.MakeAsync("laptop", "demo", "odd");
        var said = new ConcurrentQueue<string>();
        using MeterListener metrics = Listen(said);
        string password = Convert.ToBase64String(Encoding.UTF8.GetBytes("alice:open sesame"));
        string wrong = Convert.ToBase64String(Encoding.UTF8.GetBytes("alice:wrong horse"));
        string secret;
        await using (TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            Agent = options => options.Tunnel(tunnel => tunnel with { Guard = new TunnelGuard { Users = [Alice] } }).Link(link => link with { Token = token }),
        }))
        {
            said.Enqueue((await pair.GetAsync(fields: $"Authorization: Basic {password}\r\n")).Text);
            said.Enqueue((await pair.GetAsync(fields: $"Authorization: Basic {wrong}\r\n")).Text);
            said.Enqueue((await pair.AskAsync($"GET / HTTP/1.1\r\nHost: {TunnelPair.Name}\r\nAuthorization : {password}\r\n\r\n")).Text);
            await using OddAgent odd = await OddAgent.DialAsync(pair.Server.AgentPort);
            secret = (await odd.GreetAsync($$"""{"version":1,"instance":"{{OddAgent.Instance}}","token":"{{token.Credential}}"}""")).GetProperty("secret").GetString()!;
            await odd.BindAsync("""{"id":1,"type":"http","subdomain":"odd"}""");
            await odd.Peer.SendAsync(0, FrameKind.Hello, token.Credential);
            await using OddAgent thief = await OddAgent.DialAsync(pair.Server.AgentPort);
            await thief.HelloAsync($$"""{"version":1,"instance":"{{OddAgent.Instance}}","token":"{{token.Credential}}x"}""");
            said.Enqueue((await thief.Peer.ExpectAsync(FrameKind.Reject)).Text);
            await Eventually.TrueAsync(() => pair.Log.Any(line => line.Contains("Token failure", StringComparison.Ordinal)));
            metrics.RecordObservableInstruments();
            foreach (string line in pair.Log)
            {
                said.Enqueue(line);
            }
        }

        said.Should().Contain(line => line.StartsWith("tunnel.server.", StringComparison.Ordinal), "the metrics were heard");
        string[] secrets = [token.Credential[17..], token.Reveal(), "open sesame", "wrong horse", password, wrong, Alice[6..], secret];
        foreach (string each in secrets)
        {
            said.Should().NotContain(line => line.Contains(each, StringComparison.Ordinal));
        }
    }

    /// <summary>What an exception, a debugger or a careless log line would print of it.</summary>
    [Fact]
    public void Objects_ThatHoldSecrets_DoNotPrintThem()
    {
        AgentToken token = new("0123456789abcdef", Encoding.ASCII.GetBytes(new string('s', AgentToken.SecretSize)), null, "tunnel.com:9090");
        string proof = new('e', 64);
        object[] holders =
        [
            token,
            new AgentOptions { Link = new LinkOptions { Token = token, Proxy = HttpProxy.Parse("http://user:hidden@proxy:1", out _) }, Tunnels = [new TunnelOptions { Guard = new TunnelGuard { Users = [Alice] }, Origin = new OriginOptions { Port = 1 } }] },
            new HelloMessage { Version = 1, Instance = OddAgent.Instance, Token = token.Credential, Resume = new ResumeRequest { Session = proof[..32], Attach = 1, Count = 1, Proof = proof } },
            new WelcomeMessage { Version = 1, Session = new string('1', 32), Secret = proof },
        ];

        foreach (string text in holders.Select(holder => string.Create(CultureInfo.InvariantCulture, $"{holder}")))
        {
            text.Should().NotContain(token.Credential[17..]).And.NotContain("hidden").And.NotContain(Alice[6..]).And.NotContain(proof);
        }
    }

    private static MeterListener Listen(ConcurrentQueue<string> said)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, self) =>
            {
                if (instrument.Meter.Name.StartsWith("Tunnel.", StringComparison.Ordinal))
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Hear(said, instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Hear(said, instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Hear(said, instrument, value, tags));
        listener.Start();
        return listener;
    }

    private static void Hear(ConcurrentQueue<string> said, Instrument instrument, object value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var text = new StringBuilder($"{instrument.Name} {value}");
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            text.Append(CultureInfo.InvariantCulture, $" {tag.Key}={tag.Value}");
        }

        said.Enqueue(text.ToString());
    }
}
