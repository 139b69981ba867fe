using System.Net;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Edge;

/// <summary>Where the server listens.</summary>
public sealed record ListenOptions
{
    /// <summary>Null: 80, or what <see cref="ServerHost"/> falls back to. 0: any free one.</summary>
    public int? HttpPort { get; init; }

    /// <summary>
    /// Null: 443, or what <see cref="ServerHost"/> falls back to, if there is a certificate; none otherwise. 0: any free one.
    /// Without a certificate it serves passthrough names alone.
    /// </summary>
    public int? HttpsPort { get; init; }

    /// <summary>0: any free one.</summary>
    public int AgentPort { get; init; } = ServerOptions.DefaultAgentPort;

    /// <summary>Null: every address, unless <see cref="LoopbackOnly"/>.</summary>
    public IPAddress? Bind { get; init; }

    /// <summary>127.0.0.1 and ::1 only; what the quickstart uses.</summary>
    public bool LoopbackOnly { get; init; }

    /// <summary>Ports for raw TCP tunnels, both ends included; null: there are no such tunnels.</summary>
    public (int First, int Last)? TcpPorts { get; init; }

    /// <summary>Another server that says so too may run beside this one on the same ports; Linux only.</summary>
    public bool SharesPorts { get; init; }

    /// <summary>Listening sockets this process was started with; null: none.</summary>
    public Tunnel.Transport.Sockets.InheritedSockets? Inherited { get; init; }

    /// <summary>Another server may listen on the same sockets or ports when this one stops.</summary>
    public bool MayHaveSuccessor => SharesPorts || Inherited is not null;

    internal static IReadOnlyList<OptionDeclaration<ListenOptions>> Declarations { get; } =
    [
        Declare<ListenOptions>.ListenPort("http-port", "Port for visitors; 0 picks a free one.", o => o.HttpPort, (o, v) => o with { HttpPort = v }) with
        {
            Group = "Names and ports",
            IsCommon = true,
            DefaultInWords = "80, or 8000 if 80 cannot be had",
        },
        Declare<ListenOptions>.ListenPort("https-port", "Port for encrypted visitors; 0 picks a free one.", o => o.HttpsPort, (o, v) => o with { HttpsPort = v }) with
        {
            Group = "Names and ports",
            IsCommon = true,
            DefaultInWords = "443, or 8443 if 443 cannot be had, when there is a certificate",
            Details = "Without a certificate it serves passthrough names alone.",
        },
        Declare<ListenOptions>.ListenPort("agent-port", "Port for agents; 0 picks a free one.", o => o.AgentPort, (o, v) => o with { AgentPort = v }) with
        {
            Group = "Names and ports",
            IsCommon = true,
            Details = "They come in by `--https-port` as well.",
        },
        Declare<ListenOptions>.Address("bind", "Address to listen on.", o => o.Bind, (o, v) => o with { Bind = v }) with
        {
            Group = "Names and ports",
            DefaultInWords = "every address, IPv4 and IPv6",
        },
        Declare<ListenOptions>.Of(
            "tcp-ports",
            "FIRST-LAST",
            "Ports for raw TCP tunnels, like 20000-20999.",
            static text => PortRange.TryParse(text, out PortRange range)
                ? ((range.First, range.Last), null)
                : (((int, int)?)null, $"'{Printable.Of(text)}' is not a range of ports like 20000-20999."),
            static value => value is { } range ? new PortRange(range.Item1, range.Item2).ToString() : null,
            o => o.TcpPorts,
            (o, v) => o with { TcpPorts = v }) with
        {
            Group = "Names and ports",
            IsCommon = true,
            DefaultInWords = "there are no such tunnels",
        },
        Declare<ListenOptions>.Switch(
            "reuse-port", "Let another server with --reuse-port run on the same ports, to take over from this one. Linux only.", o => o.SharesPorts, (o, v) => o with { SharesPorts = v }) with
        {
            Group = "Names and ports",
        },
    ];
}
