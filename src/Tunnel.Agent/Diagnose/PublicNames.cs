using System.Net;
using System.Net.Security;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Link;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;

namespace Tunnel.Agent.Diagnose;

/// <summary>
/// The steps about public names: may this agent have them, where do they lead, and does what is asked there come back to here?
/// Names are asked for only if they are free, and given back at once; one that the server chooses serves for the way back,
/// if there may be such a one.
/// </summary>
internal sealed class PublicNames(DiagnosisRequest request, StepRunner steps, ConnectionServices services, IReadOnlyList<IPAddress> server)
{
    /// <summary>Bytes that are sent each way at most.</summary>
    private const long MostBytes = 16 * 1024 * 1024;

    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LookupTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ThroughputTime = TimeSpan.FromSeconds(3);

    private readonly Dictionary<TunnelOptions, string> _hosts = [];

    /// <summary>The public name of a tunnel as far as it is known; empty: it is not.</summary>
    public string HostOf(TunnelOptions tunnel) => _hosts.GetValueOrDefault(tunnel, "");

    /// <param name="session">Null: there is none, so none of it can be tried.</param>
    public async Task RunAsync(DiagnosticSession? session, CancellationToken cancel)
    {
        if (session is null)
        {
            foreach ((string id, string title) in ((string, string)[])[("name", "right to the name"), ("outside", "from outside and back"), ("throughput", "throughput")])
            {
                await steps.SkipAsync((id, title, ""), "because there is no session.");
            }

            return;
        }

        TunnelGrant? chosen = (await session.BindAsync(new TunnelRequest { Id = session.NewId(), Type = TunnelTypes.Http, IfFree = true }, cancel)).ToGrant();
        TunnelGrant? usable = chosen;
        foreach (TunnelOptions tunnel in request.Options.Tunnels)
        {
            TunnelGrant? grant = await AskAsync(session, tunnel, chosen, cancel);
            if (grant is not null)
            {
                await LookUpAsync(tunnel.Name, grant, cancel);
                usable ??= tunnel.Protocol == TunnelTypes.Http ? grant : null;
            }
        }

        if (usable is null)
        {
            await steps.SkipAsync(("outside", "from outside and back", ""), "because there is no free name to try it with; visit the tunnel's own.");
            await steps.SkipAsync(("throughput", "throughput", ""), "because there is no free name to try it with.");
        }
        else
        {
            await VisitAsync(session, usable, isOwn: usable == chosen, cancel);
        }
    }

    // What may be needed for the way back stays bound, as does what the server chose itself, if it can choose this only.
    private Task<TunnelGrant?> AskAsync(DiagnosticSession session, TunnelOptions tunnel, TunnelGrant? chosen, CancellationToken cancel) => steps.RunAsync<TunnelGrant>(
        ("name", "right to the name", tunnel.Name),
        AnswerTime,
        AgentErrors.BindTimeout,
        async (notes, limited) =>
        {
            TunnelRequest wanted = WantedTunnel.Of(session.NewId(), tunnel, null);
            BoundMessage answer = await session.BindAsync(
                new TunnelRequest { Id = wanted.Id, Type = wanted.Type, Subdomain = wanted.Subdomain, Hostname = wanted.Hostname, Port = wanted.Port, Kept = true, IfFree = true }, limited);
            if (answer.ToGrant() is { } grant)
            {
                if (tunnel.Protocol != TunnelTypes.Http || (chosen is not null && chosen.Name != grant.Name))
                {
                    session.Unbind(wanted.Id);
                }

                _hosts[tunnel] = Uri.TryCreate(grant.Url, UriKind.Absolute, out Uri? url) ? url.Authority : "";
                notes.Say(tunnel is { Subdomain: null, Hostname: null, RemotePort: null }
                    ? $"The server chooses one, like {Printable.Of(grant.Url)}."
                    : $"{Printable.Of(grant.Url)} is free, and may be had.");
                return grant;
            }

            if (answer is { Code: RejectCodes.NameConflict, Yours: true })
            {
                notes.Say("In use by your running agent, which keeps it.");
                return null;
            }

            notes.Fail(DiagnosisErrors.Of(answer.Code!, AgentErrors.NameRefused), $"The server says: {Printable.Of(answer.Message!)}");
            return null;
        },
        cancel);

    private Task LookUpAsync(string tunnel, TunnelGrant grant, CancellationToken cancel) => steps.LookAsync(
        ("public-name", "what the name leads to", tunnel),
        LookupTime,
        AgentErrors.PublicNameUnresolved,
        async (notes, limited) =>
        {
            string host = new Uri(grant.Url).Host;
            if (IsLocal(host))
            {
                notes.Say($"{host} means the machine where it is asked for, so visitors elsewhere need another --domain.");
                return;
            }

            IPAddress[] found = await AddressLookup.FindAsync(host, limited);
            if (found.Length == 0 && request.Options.Link.Proxy is not null)
            {
                notes.Say($"{host} cannot be looked up from here; the proxy does that.");
            }
            else if (found.Length == 0)
            {
                notes.Fail(AgentErrors.PublicNameUnresolved, $"The name {host} could not be resolved.");
            }
            else if (grant.HasFront || server.Count == 0 || found.Any(server.Contains))
            {
                notes.Say($"{host} has {AddressLookup.Describe(found)}{(grant.HasFront ? "; something stands in front of the server" : "")}.");
            }
            else
            {
                notes.Warn(AgentErrors.PublicNameElsewhere, $"{host} has {AddressLookup.Describe(found)}; the server has {AddressLookup.Describe(server)}.");
            }
        },
        cancel);

    private async Task VisitAsync(DiagnosticSession session, TunnelGrant grant, bool isOwn, CancellationToken cancel)
    {
        PublicVisitor? visitor = await steps.RunAsync(
            ("outside", "from outside and back", ""),
            AnswerTime,
            AgentErrors.PublicSideUnreachable,
            async (notes, limited) =>
            {
                (PublicVisitor found, string way) = await FindWayAsync(grant, limited);
                PublicAnswer? answer = await found.AskAsync(session.Download(1), 0, AnswerTime, limited);
                if (answer?.Nonce != session.Nonce)
                {
                    string what = answer is null ? "Nothing answered in time" : answer.Code is { } code ? $"The server answered {answer.Status} {Printable.Of(code)}" : $"Something else answered {answer.Status}";
                    notes.Fail(AgentErrors.PublicSideUnreachable, $"{what} at {Printable.Of(grant.Url)}{way}.");
                    return null;
                }

                notes.Say($"A request for {Printable.Of(grant.Url)} came back to here{way}{(isOwn ? "" : ", by the tunnel's own name")}.");
                if (found.CertificateFaults != SslPolicyErrors.None)
                {
                    notes.Warn(ServerErrors.CertificateMissing, $"Browsers will not trust its certificate{(grant.SelfSigned ? ", which the server made itself" : "")}.");
                }

                return found;
            },
            cancel);
        if (visitor is null)
        {
            await steps.SkipAsync(("throughput", "throughput", ""), "because nothing came back from outside.");
            return;
        }

        await MeasureThroughputAsync(session, visitor, cancel);
        if (request.IsIdleAsked)
        {
            await LeaveQuietAsync(session, visitor, cancel);
        }
    }

    // By the name, as everybody comes; if that leads nowhere from here, by the address of the server.
    private async Task<(PublicVisitor Visitor, string Way)> FindWayAsync(TunnelGrant grant, CancellationToken cancel)
    {
        var url = new Uri(grant.Url);
        LinkOptions link = request.Options.Link;
        HttpProxy? proxy = link.Proxy is null ? null : ProxySettings.For(url.Host, url.Port, Environment.GetEnvironmentVariable) ?? link.Proxy;
        bool leadsNowhere = IsLocal(url.Host) || (proxy is null && (await AddressLookup.FindAsync(url.Host, cancel)).Length == 0);
        var there = new LinkOptions { Host = leadsNowhere ? link.Host : url.Host, Port = url.Port, Plaintext = true, Proxy = proxy, ConnectTime = link.ConnectTime };
        string way = proxy is not null ? ", through the proxy" : leadsNowhere && !IsLocal(url.Host) ? ", by the server's address, as the name has none" : "";
        return (new PublicVisitor(url, new LinkDialer(there, services.Session.Pool, services.Time), services.Session.Pool, services.Time), way);
    }

    private Task MeasureThroughputAsync(DiagnosticSession session, PublicVisitor visitor, CancellationToken cancel) => steps.LookAsync(
        ("throughput", "throughput", ""),
        (ThroughputTime + AnswerTime) * 2,
        AgentErrors.LinkLost,
        async (notes, limited) =>
        {
            PublicAnswer? answer = await visitor.AskAsync(session.Download(MostBytes), 0, ThroughputTime, limited);
            await visitor.AskAsync(session.Wait(TimeSpan.Zero).Replace("/wait/", "/up/", StringComparison.Ordinal), MostBytes, ThroughputTime, limited);
            (long bytes, TimeSpan time) = session.Upload;
            if (bytes == 0 || answer is not { Bytes: > 0 })
            {
                notes.Warn(AgentErrors.PublicSideUnreachable, "A request came back, and bulk did not.");
                return;
            }

            notes.Say($"To visitors {Rate(answer.Bytes, answer.Time)}, from visitors {Rate(bytes, time)}. Each went to the server and back, so the slower direction of this network bounds both.");
        },
        cancel);

    private Task LeaveQuietAsync(DiagnosticSession session, PublicVisitor visitor, CancellationToken cancel) => steps.LookAsync(
        ("idle", "quiet connections", ""),
        request.QuietTimes.Max() + AnswerTime,
        AgentErrors.QuietConnectionCut,
        async (notes, limited) =>
        {
            (TimeSpan Time, bool Stays)[] all = await Task.WhenAll(request.QuietTimes.Select(async quiet => (quiet, await StaysAsync(quiet))));
            TimeSpan stays = all.Where(one => one.Stays).Select(one => one.Time).DefaultIfEmpty().Max();
            if (Array.Find(all, one => !one.Stays) is { Time.Ticks: > 0 } cut)
            {
                notes.Warn(AgentErrors.QuietConnectionCut, $"A connection that was quiet for {cut.Time.TotalSeconds:0} s was cut{(stays > TimeSpan.Zero ? $", one for {stays.TotalSeconds:0} s was not" : "")}.");
            }
            else
            {
                notes.Say($"Connections that are quiet for {stays.TotalSeconds:0} s stay. The link is never quiet for longer than 10 s, and the server probes visitors after a minute.");
            }

            async Task<bool> StaysAsync(TimeSpan quiet)
            {
                try
                {
                    return (await visitor.AskAsync(session.Wait(quiet), 0, quiet + (AnswerTime / 2), limited))?.Nonce == session.Nonce;
                }
                catch (IOException)
                {
                    return false;
                }
            }
        },
        cancel);

    private static bool IsLocal(string host) => host == "localhost" || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    private static string Rate(long bytes, TimeSpan time) => $"{bytes / Math.Max(time.TotalSeconds, 1e-6) / (1024 * 1024):0.0} MiB/s";
}
