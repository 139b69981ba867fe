using System.Net;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Identity;
using Tunnel.Agent.Link;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Flow;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Transport.Buffers;

namespace Tunnel.Agent.Diagnose;

/// <summary>What is to be looked at.</summary>
/// <param name="Options">Complete: token and proxy are in them.</param>
/// <param name="Token">Where the token is from; null: there is none.</param>
/// <param name="File">The settings file that was read; null: none was.</param>
internal sealed record DiagnosisRequest(AgentOptions Options, FoundToken? Token = null, string? File = null)
{
    /// <summary>Whether quiet connections are looked at, which takes a minute.</summary>
    public bool IsIdleAsked { get; init; }

    /// <summary>For how long connections are left quiet. The server itself probes visitors' after a minute.</summary>
    public IReadOnlyList<TimeSpan> QuietTimes { get; init; } = [TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(55)];
}

/// <summary>
/// Tries by itself what a person would try by hand, from the settings to the public name and back, and says of each step what
/// came of it. It is an agent of its own, which takes nothing from a running one.
/// </summary>
internal sealed class Diagnosis
{
    private static readonly TimeSpan LookupTime = TimeSpan.FromSeconds(5);

    private readonly DiagnosisRequest _request;
    private readonly AgentOptions _options;
    private readonly StepRunner _steps;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    public Diagnosis(DiagnosisRequest request, Func<DiagnosisStep, Task> told, ILogger log, TimeProvider time)
    {
        _request = request;
        _options = request.Options;
        _steps = new StepRunner(time, told);
        _time = time;
        _log = log;
    }

    public IReadOnlyList<DiagnosisStep> Steps => _steps.Steps;

    /// <summary>Runs every step; nothing is left behind.</summary>
    /// <returns>Nothing has failed.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<bool> RunAsync(CancellationToken cancel)
    {
        MemoryPlan plan = MemoryPlan.Of(_options.MemoryLimit);
        using var pool = new BlockPool();
        var memory = new OriginMemory(pool, new ProcessMemory(plan.Limit, () => pool.RentedBytes), plan);
        await using var tunnels = new TunnelTable(static (_, _) => throw new InvalidOperationException("No tunnel is served here."), _time);
        var session = _options.Session with { Pool = pool, Time = _time, MaxStreams = 64 };
        var services = new ConnectionServices(_options, new AgentSelf(AgentSelf.NewId()), tunnels, memory, session, new NoNews(), Watch: null, _log);

        await TellConfigurationAsync(cancel);
        IReadOnlyList<IPAddress> addresses = await LookUpAsync(cancel);
        var names = new PublicNames(_request, _steps, services, addresses);
        var link = new LinkSteps(_steps, services);
        await using (DiagnosticSession? greeted = await link.ConnectAsync(cancel))
        {
            if (greeted is not null)
            {
                await link.MeasureRoundTripAsync(greeted, cancel);
            }

            await names.RunAsync(greeted, cancel);
        }

        await ProbeOriginsAsync(new OriginProbe(memory, _time), names, cancel);
        return Steps.All(step => step.Verdict != StepVerdict.Failed);
    }

    private Task TellConfigurationAsync(CancellationToken cancel) => _steps.LookAsync(
        ("configuration", "configuration", ""),
        LookupTime,
        ProgramErrors.WrongUsage,
        (notes, _) =>
        {
            LinkOptions link = _options.Link;
            notes.Say($"Server: {link.Server}.");
            notes.Say(link.Token is { } token ? $"Token: {token.Id}, from {_request.Token?.From ?? "the caller"}." : "Token: none; only agents on the server's own machine need none.");
            if (_request.Token is { } found && link.Token is null)
            {
                notes.Say($"The token that login stored is for {Printable.Of(found.Token.Server)}, and is not used.");
            }

            if (_request.File is { } file)
            {
                notes.Say($"Settings file: {file}.");
            }

            foreach (TunnelOptions tunnel in _options.Tunnels)
            {
                string name = tunnel.Hostname ?? tunnel.Subdomain ?? (tunnel.RemotePort is { } port ? $"public port {port}" : "a name that the server chooses");
                notes.Say($"{(tunnel.Name.Length > 0 ? $"Tunnel {tunnel.Name}" : "Tunnel")}: {Printable.Of(name)} to {tunnel.OriginText}.");
            }

            if (_options.Tunnels.Count == 0)
            {
                notes.Say("Tunnels: none was named, so only the way to the server is looked at.");
            }

            if (_request.Token?.Warning is { } warning)
            {
                notes.Warn(AgentErrors.TokenExposed, warning);
            }

            if (link.Plaintext)
            {
                notes.Warn(ProgramErrors.Plaintext, "--plaintext: whoever is on the way reads and changes everything, the token included.");
            }

            return Task.CompletedTask;
        },
        cancel);

    private async Task<IReadOnlyList<IPAddress>> LookUpAsync(CancellationToken cancel)
    {
        (string, string, string) step = ("dns", "name of the server", "");
        string host = _options.Link.Host;
        if (_options.Link.Proxy is not null || IPAddress.TryParse(host, out _))
        {
            await _steps.SkipAsync(step, _options.Link.Proxy is not null ? "because the proxy looks it up." : $"because {host} is an address.");
            return IPAddress.TryParse(host, out IPAddress? address) ? [address] : [];
        }

        return await _steps.RunAsync(
            step,
            LookupTime,
            AgentErrors.ServerNameUnresolved,
            async (notes, limited) =>
            {
                IPAddress[] found = await AddressLookup.FindAsync(host, limited);
                if (found.Length == 0)
                {
                    notes.Fail(AgentErrors.ServerNameUnresolved, $"The name {host} could not be resolved.");
                }
                else
                {
                    notes.Say($"{host} has {AddressLookup.Describe(found)}.");
                }

                return found;
            },
            cancel) ?? [];
    }

    private async Task ProbeOriginsAsync(OriginProbe probe, PublicNames names, CancellationToken cancel)
    {
        if (_options.Tunnels.Count == 0)
        {
            await _steps.SkipAsync(("origin", "local server", ""), "because none was named: --port N, or --config FILE.");
        }

        foreach (TunnelOptions tunnel in _options.Tunnels)
        {
            await ProbeAsync(tunnel, tunnel.Origin, tunnel.Name);
            foreach (PathRule path in tunnel.Paths)
            {
                await ProbeAsync(tunnel, path.Origin, $"{tunnel.Name}{path.Prefix}");
            }
        }

        Task ProbeAsync(TunnelOptions tunnel, OriginOptions origin, string what) => _steps.LookAsync(
            ("origin", "local server", what),
            TimeSpan.FromSeconds(20),
            VisitorErrors.OriginTimeout,
            async (notes, limited) =>
            {
                await probe.ProbeAsync(tunnel, origin, names.HostOf(tunnel), notes, limited);
            },
            cancel);
    }

    private sealed class NoNews : IAgentEvents
    {
        public void OnForwarding(TunnelOptions tunnel, TunnelGrant grant, IPEndPoint? server)
        {
        }
    }
}
