using System.Security.Cryptography.X509Certificates;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Link;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Transport;
using Tunnel.Transport.Tls;

namespace Tunnel.Agent.Diagnose;

/// <summary>The steps from the first packet to a session: proxy, connection, encryption, server and token, clocks, round trip.</summary>
internal sealed class LinkSteps(StepRunner steps, ConnectionServices services)
{
    private const int MostAgainst = 60;
    private const int Pings = 8;

    private static readonly TimeSpan PingTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LookupTime = TimeSpan.FromSeconds(5);

    private LinkOptions Link => services.Options.Link;

    /// <summary>A session with the server; null: there is none, and a step has said why.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<DiagnosticSession?> ConnectAsync(CancellationToken cancel)
    {
        var server = new ServerLink(services);
        IConnection? reached = await ReachAsync(server, cancel);
        IConnection? link = reached is null ? null : await SecureAsync(server, reached, cancel);
        if (link is null)
        {
            await steps.SkipAsync(("server", "server and token", ""), "because there is no connection to it.");
            await steps.SkipAsync(("clock", "clock", ""), "because the server did not tell its time.");
            await steps.SkipAsync(("round-trip", "round trip", ""), "because there is no session.");
            return null;
        }

        bool isTaken = false;
        try
        {
            (WelcomeMessage? welcome, long? serverTime) = await GreetAsync(server, link, cancel);
            await CompareClocksAsync(serverTime, link, cancel);
            if (welcome is null)
            {
                await steps.SkipAsync(("round-trip", "round trip", ""), "because there is no session.");
                return null;
            }

            var session = new DiagnosticSession(link, services.Session.AgreeWith(welcome.Streams, welcome.UploadWindow));
            isTaken = true;
            return session;
        }
        finally
        {
            if (!isTaken)
            {
                link.Abort();
                await link.DisposeAsync();
            }
        }
    }

    private async Task<IConnection?> ReachAsync(ServerLink server, CancellationToken cancel)
    {
        HttpProxy? proxy = Link.Proxy;
        if (proxy is null)
        {
            await steps.SkipAsync(("proxy", "proxy", ""), "because HTTPS_PROXY names none for this server.");
        }

        IConnection? link = await steps.RunAsync(
            proxy is null ? ("connection", "connection", "") : ("proxy", "proxy", ""),
            Link.ConnectTime + LookupTime,
            AgentErrors.ServerTimeout,
            async (notes, limited) =>
            {
                IConnection reached = await server.ReachAsync(limited);
                notes.Say(proxy is null ? $"{reached.RemoteEndPoint} takes it; this machine is {reached.LocalEndPoint}." : $"The proxy {proxy} connects to {Link.Server}.");
                return reached;
            },
            cancel);
        if (proxy is not null)
        {
            await steps.SkipAsync(("connection", "connection", ""), link is null ? "because the proxy does not connect." : "because the proxy made it.");
        }

        if (link is null)
        {
            await steps.SkipAsync(("encryption", "encryption", ""), "because there is no connection.");
        }

        return link;
    }

    private Task<IConnection?> SecureAsync(ServerLink server, IConnection reached, CancellationToken cancel) => steps.RunAsync<IConnection>(
        ("encryption", "encryption", ""),
        Link.ConnectTime + LookupTime,
        AgentErrors.ServerTlsFailed,
        async (notes, limited) =>
        {
            IConnection link = await server.SecureAsync(reached, limited);
            string judged = Link switch
            {
                { CaFile: { } file } => $"its certificate is one of the authorities in {file}",
                { Token.Pin: not null } => "its key is the one that the token names",
                _ => "this system's authorities vouch for its certificate",
            };
            notes.Say(link is TlsConnection tls
                ? $"{tls.Version.ToString().Replace("Tls1", "TLS 1.", StringComparison.Ordinal)}; {judged}."
                : Link.Plaintext ? "None, as --plaintext says." : "None: the server is this machine.");
            return link;
        },
        cancel);

    private async Task<(WelcomeMessage? Welcome, long? Time)> GreetAsync(ServerLink server, IConnection link, CancellationToken cancel)
    {
        long? refusedAt = null;
        WelcomeMessage? welcome = await steps.RunAsync(
            ("server", "server and token", ""),
            Link.ConnectTime + LookupTime,
            AgentErrors.NotATunnelServer,
            async (notes, limited) =>
            {
                try
                {
                    WelcomeMessage answer = await server.GreetAsync(link, Hello.New(services, 0, null), limited);
                    string token = ServerFacts.Of(answer).Token is { } name ? $" '{name}'" : "";
                    notes.Say($"{Printable.Of(answer.Software ?? "A tunnel-server")}, protocol {answer.Version}; {(Link.Token is null ? "it asks for no token" : $"it takes the token{token}")}.");
                    return answer;
                }
                catch (NoLinkException refusal)
                {
                    refusedAt = refusal.ServerTime;
                    throw;
                }
            },
            cancel);
        return (welcome, welcome?.Time ?? refusedAt);
    }

    private async Task CompareClocksAsync(long? serverTime, IConnection link, CancellationToken cancel)
    {
        (string, string, string) step = ("clock", "clock", "");
        X509Certificate2? certificate = (link as TlsConnection)?.PeerCertificate as X509Certificate2;
        if (serverTime is null && certificate is null)
        {
            await steps.SkipAsync(step, "because the server did not tell its time.");
            return;
        }

        await steps.LookAsync(
            step,
            LookupTime,
            AgentErrors.ClockDiffers,
            (notes, _) =>
            {
                DateTimeOffset here = services.Time.GetUtcNow();
                if (serverTime is { } seconds)
                {
                    long against = here.ToUnixTimeSeconds() - seconds;
                    string says = $"This machine's clock is {Math.Abs(against)} s {(against < 0 ? "behind" : "before")} the server's.";
                    if (Math.Abs(against) > MostAgainst)
                    {
                        notes.Warn(AgentErrors.ClockDiffers, says);
                    }
                    else
                    {
                        notes.Say(Math.Abs(against) < 2 ? "The same as the server's, to the second." : says);
                    }
                }
                else if (here.UtcDateTime < certificate!.NotBefore.ToUniversalTime() || here.UtcDateTime > certificate.NotAfter.ToUniversalTime())
                {
                    notes.Warn(AgentErrors.ClockDiffers, $"The server did not tell its time, and by this machine's clock its certificate is not valid now.");
                }
                else
                {
                    notes.Say("The server did not tell its time; by this machine's clock its certificate is valid.");
                }

                return Task.CompletedTask;
            },
            cancel);
    }

    /// <summary>Comes before anything else is said on the session.</summary>
    public Task MeasureRoundTripAsync(DiagnosticSession session, CancellationToken cancel) => steps.LookAsync(
        ("round-trip", "round trip", ""),
        PingTime * 2,
        AgentErrors.LinkLost,
        async (notes, limited) =>
        {
            var times = new List<TimeSpan>();
            for (int i = 0; i < Pings && await session.PingAsync(PingTime, limited) is { } took; i++)
            {
                times.Add(took);
            }

            times.Sort();
            if (times.Count == 0)
            {
                notes.Fail(AgentErrors.LinkLost, "The server did not answer a PING.");
            }
            else
            {
                notes.Say($"{times[0].TotalMilliseconds:0.0} ms at least, {times[times.Count / 2].TotalMilliseconds:0.0} ms in the middle of {times.Count}.");
            }
        },
        cancel);
}
