using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent.Tunnels;

/// <summary>One tunnel: the public name that is wanted, who may visit it, and the local server behind it.</summary>
public sealed record TunnelOptions
{
    /// <summary>What its person calls it; empty: it is the only one, and needs no name.</summary>
    public string Name { get; init; } = "";

    /// <summary>What the tunnel carries: one of <see cref="TunnelTypes"/>.</summary>
    public string Protocol { get; init; } = TunnelTypes.Http;

    /// <summary>The label wanted below the server's domain; null: the server chooses, unless <see cref="Hostname"/> says.</summary>
    public string? Subdomain { get; init; }

    /// <summary>A whole name of one's own.</summary>
    public string? Hostname { get; init; }

    /// <summary>The public port wanted for a TCP tunnel; null: the server chooses.</summary>
    public int? RemotePort { get; init; }

    /// <summary>Other agents that say the same may serve the name beside this one.</summary>
    public bool IsPooled { get; init; }

    /// <summary><c>preserve</c>, <c>origin</c>, or the value the origin gets as Host.</summary>
    public string HostHeader { get; init; } = "preserve";

    /// <summary>Whether the origin sees <c>Via</c>.</summary>
    public bool Via { get; init; } = true;

    /// <summary>Browsers that open a page while this agent is away see that they wait.</summary>
    public bool HasWaitingPage { get; init; }

    /// <summary>Whom the server lets through, as it was said; <see cref="Resolve"/> makes <see cref="Guard"/> of it.</summary>
    public AccessOptions Access { get; init; } = new();

    /// <summary>Whom the server lets through; null: everybody.</summary>
    public TunnelGuard? Guard { get; init; }

    public OriginOptions Origin { get; init; } = new();

    /// <summary>Headers that are set or left out, both ways.</summary>
    public HeaderOptions Headers { get; init; } = new();

    /// <summary>Parts of the name with an origin of their own; of those that fit, the longest counts.</summary>
    public IReadOnlyList<PathRule> Paths { get; init; } = [];

    /// <summary>The local server as a person reads it.</summary>
    public string OriginText => Origin.Text(Protocol);

    internal static IReadOnlyList<OptionDeclaration<TunnelOptions>> Declarations { get; } =
    [
        Declare<TunnelOptions>.Text("subdomain", "NAME", "Ask for <NAME>.<the server's domain>.", o => o.Subdomain, (o, v) => o with { Subdomain = v }) with
        {
            Letter = 's',
            IsCommon = true,
            DefaultInWords = "the server chooses a name",
        },
        .. Of(OriginOptions.Declarations, static o => o.Origin, static (o, v) => o with { Origin = v }, "Your local server"),
        Declare<TunnelOptions>.Text("hostname", "NAME", "Ask for a whole name of your own instead, like www.example.org.", o => o.Hostname, (o, v) => o with { Hostname = v }) with
        {
            IsCommon = true,
        },
        Declare<TunnelOptions>.Choice(
            "protocol",
            "What the tunnel carries: HTTP, TLS that only your local server opens, or any TCP.",
            [TunnelTypes.Http, TunnelTypes.Tls, TunnelTypes.Tcp],
            o => o.Protocol,
            (o, v) => o with { Protocol = v }) with
        {
            IsCommon = true,
        },
        Declare<TunnelOptions>.Port("remote-port", "The public port of a TCP tunnel.", o => o.RemotePort, (o, v) => o with { RemotePort = v }) with
        {
            DefaultInWords = "the server chooses",
        },
        Declare<TunnelOptions>.Switch(
            "pool", "Share the name with other agents that say --pool; visitors go to whichever has the least to do.", o => o.IsPooled, (o, v) => o with { IsPooled = v }),
        Declare<TunnelOptions>.Text(
            "host-header",
            "preserve|origin|VALUE",
            "The Host your local server sees: what the visitor sent, its own, or VALUE.",
            o => o.HostHeader,
            (o, v) => o with { HostHeader = v == "rewrite" ? "origin" : v }) with
        {
            IsCommon = true,
            Details = "With `origin` (`rewrite` is another word for it) or a name it believes that it is visited there, see \"The visible origin\" in [http.md](http.md).",
        },
        Declare<TunnelOptions>.Choice("via", "Whether your local server sees a Via header.", [("on", true), ("off", false)], o => o.Via, (o, v) => o with { Via = v }) with
        {
            Details = "nginx stops compressing when it does.",
        },
        Declare<TunnelOptions>.Switch(
            "waiting-page",
            "While this agent is away, show whoever opens a page in a browser that it waits, and load it when the agent is back.",
            o => o.HasWaitingPage,
            (o, v) => o with { HasWaitingPage = v }) with
        {
            Details = "See [While an agent is away](#while-an-agent-is-away).",
        },
        .. Of(HeaderOptions.Declarations, static o => o.Headers, static (o, v) => o with { Headers = v }, "Headers"),
        .. Of(AccessOptions.Declarations, static o => o.Access, static (o, v) => o with { Access = v }, "Who may visit"),
    ];

    /// <summary>The same with everything that was said in other words, or in files, in its place.</summary>
    internal TunnelOptions Resolve(OptionFaults faults) => this with
    {
        Origin = Origin.Resolve(faults),
        Paths = [.. Paths.Select(path => path with { Origin = path.Origin.Resolve(faults) })],
        Guard = Guard ?? Access.Read(faults),
    };

    internal void Check(OptionFaults faults)
    {
        bool isTcp = Protocol == TunnelTypes.Tcp;
        faults.Check(Declarations.Where(declaration => declaration.Name is "remote-port"), this);
        faults.Require(Protocol is TunnelTypes.Http or TunnelTypes.Tls or TunnelTypes.Tcp, "--protocol takes http, tls or tcp.");
        faults.Require(RemotePort is null || isTcp, "--remote-port is for --protocol tcp; the other protocols share the ports of the server.");
        faults.Require(
            !isTcp || (Subdomain is null && Hostname is null),
            "--protocol tcp has no name of its own, so it takes no --subdomain or --hostname; --remote-port asks for a port.");
        faults.Require(Subdomain is null || Hostname is null, "--subdomain and --hostname exclude each other; give one of them.");
        faults.Require(
            HostHeader.Length is > 0 and <= 255 && HostHeader.All(c => c is > ' ' and < (char)0x7F),
            "--host-header takes preserve, origin, or a host name.");
        faults.Require(
            Protocol == TunnelTypes.Http || Guard?.Users is null,
            "--basic-auth-file is for --protocol http; over the others nobody can be asked for a password. --allow and --deny work with all.");
        faults.Require(!HasWaitingPage || Protocol == TunnelTypes.Http, "--waiting-page is for --protocol http; over the others there are no pages.");
        faults.Require(Protocol == TunnelTypes.Http || Paths.Count == 0, "paths are for --protocol http; over the others there are none.");
        Headers.Check(Protocol, faults);
        Origin.Check(Protocol, faults);
        foreach (PathRule path in Paths)
        {
            path.Origin.Check(Protocol, faults);
            faults.Require(PathRule.FindFault(path.Prefix) is null, $"paths: '{Hosting.Printable.Of(path.Prefix)}' {PathRule.FindFault(path.Prefix)}.");
        }
    }

    private static IEnumerable<OptionDeclaration<TunnelOptions>> Of<TPart>(
        IEnumerable<OptionDeclaration<TPart>> declarations, Func<TunnelOptions, TPart> get, Func<TunnelOptions, TPart, TunnelOptions> set, string group) =>
        declarations.Select(declaration => declaration.Within(get, set) with { Group = group });
}
