using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>Where a local server is and how to speak to it.</summary>
public sealed record OriginOptions
{
    /// <summary>All of it in one; null: the parts below count.</summary>
    public OriginAddress? Address { get; init; }

    /// <summary>Required unless there is a <see cref="Socket"/>; 0: not given.</summary>
    public int Port { get; init; }

    public string Host { get; init; } = "localhost";

    /// <summary>Path of a Unix socket; the origin is there instead of at <see cref="Host"/>.</summary>
    public string? Socket { get; init; }

    /// <summary>The origin speaks TLS.</summary>
    public bool IsHttps { get; init; }

    /// <summary>File with the authorities, in PEM form, that vouch for the origin; null: those of the system.</summary>
    public string? CaFile { get; init; }

    /// <summary>Whatever certificate the origin shows is taken.</summary>
    public bool IsUnchecked { get; init; }

    /// <summary>The origin is told of the visitor by a PROXY protocol header, version 2.</summary>
    public bool SendsProxyProtocol { get; init; }

    public TimeSpan ConnectTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time from the request to the head of the origin's answer.</summary>
    public TimeSpan AnswerTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long an answer that has begun may pause; event streams, upgraded and raw connections may for ever.</summary>
    public TimeSpan AnswerIdleTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The origin as a URL or a Host field names it.</summary>
    public string Authority
    {
        get
        {
            string host = Host.Contains(':', StringComparison.Ordinal) && Host[0] != '[' ? $"[{Host}]" : Host;
            return Port == (IsHttps ? 443 : 80) || Socket is not null ? host : $"{host}:{Port}";
        }
    }

    internal static IReadOnlyList<OptionDeclaration<OriginOptions>> Declarations { get; } =
    [
        Declare<OriginOptions>.Port("port", "Port of your local server.", o => o.Port == 0 ? null : o.Port, (o, v) => o with { Port = v }) with
        {
            Letter = 'p',
            IsCommon = true,
            DefaultInWords = "",
        },
        Declare<OriginOptions>.Of(
            "origin",
            "ORIGIN",
            $"Your local server: {OriginAddress.Expected}.",
            text => (OriginAddress.TryParse(text), OriginAddress.TryParse(text) is null ? $"'{Printable.Of(text)}' is not {OriginAddress.Expected}." : null),
            address => address?.ToString(),
            o => o.Address,
            (o, v) => o with { Address = v }),
        Declare<OriginOptions>.Text("local-host", "NAME", "Host of your local server.", o => o.Host, (o, v) => o with { Host = v }) with
        {
            Details = "Both 127.0.0.1 and ::1 are tried.",
        },
        Declare<OriginOptions>.Path("local-socket", "PATH", "Unix socket of your local server, instead of a host and port.", o => o.Socket, (o, v) => o with { Socket = v }),
        Declare<OriginOptions>.Switch("local-https", "Your local server speaks HTTPS; its certificate must be one this system trusts.", o => o.IsHttps, (o, v) => o with { IsHttps = v }) with
        {
            Details = "The certificate must be for `--local-host`.",
        },
        Declare<OriginOptions>.Path("local-ca", "FILE", "Trust the authorities in this PEM file for it instead.", o => o.CaFile, (o, v) => o with { CaFile = v }),
        Declare<OriginOptions>.Switch(
            "local-insecure", "Take whatever certificate it shows: whoever can take its place reads and changes everything.", o => o.IsUnchecked, (o, v) => o with { IsUnchecked = v }),
        Declare<OriginOptions>.Switch(
            "send-proxy-protocol",
            "Begin every connection to it with a PROXY protocol header (version 2) that names the visitor; for --protocol tcp and tls.",
            o => o.SendsProxyProtocol,
            (o, v) => o with { SendsProxyProtocol = v }),
        Declare<OriginOptions>.Seconds("answer-time", "How long your local server may take to begin an answer.", o => o.AnswerTime, (o, v) => o with { AnswerTime = v }, mayTakeAWeek: true) with
        {
            Details = "Above 900 only with a server whose own `--answer-time` is above it.",
        },
        Declare<OriginOptions>.Seconds(
            "answer-idle-time",
            "How long an answer that has begun may pause; event streams and upgraded connections may for ever.",
            o => o.AnswerIdleTime,
            (o, v) => o with { AnswerIdleTime = v },
            mayTakeAWeek: true) with
        {
            Details = "Then it is cut. Event streams are those of `text/event-stream`; raw connections may pause for ever too.",
        },
    ];

    /// <summary>The origin as a person reads it.</summary>
    /// <param name="protocol">Of the tunnel, one of <see cref="TunnelTypes"/>.</param>
    public string Text(string protocol)
    {
        string at = Socket is { } path ? $"unix:{path}" : Authority;
        return (protocol, IsHttps) switch
        {
            (_, true) => $"https://{at}",
            (TunnelTypes.Http, _) when Socket is null => $"http://{at}",
            _ => at,
        };
    }

    /// <summary>The same with <see cref="Address"/> in its parts.</summary>
    internal OriginOptions Resolve(OptionFaults faults)
    {
        if (Address is not { } address)
        {
            return this;
        }

        faults.Require(Port == 0 && Socket is null, "--origin says where the local server is; leave --port and --local-socket out.");
        return this with { Address = null, Host = address.Host, Port = address.Port, Socket = address.Socket, IsHttps = IsHttps || address.IsHttps };
    }

    internal void Check(string protocol, OptionFaults faults)
    {
        faults.Check(Declarations, this);
        faults.Require(Socket is not null || Port != 0, "--port is missing: the port your local server listens on, like --port 8080.");
        faults.Require(
            Host.Length is > 0 and <= 255 && Host.All(c => c is > ' ' and < (char)0x7F && c is not ('/' or '@')),
            "--local-host takes a host name or an address, without scheme and port.");
        faults.Require(
            !SendsProxyProtocol || protocol != TunnelTypes.Http,
            "--send-proxy-protocol is for --protocol tcp and tls; over HTTP your local server finds the visitor in X-Forwarded-For and Forwarded.");
        faults.Require(!IsHttps || protocol != TunnelTypes.Tls, "--local-https is not for --protocol tls: there the visitor's own TLS goes on to your local server.");
        faults.Require(IsHttps || (CaFile is null && !IsUnchecked), "--local-ca and --local-insecure are about --local-https; give that too.");
        faults.Require(CaFile is null || !IsUnchecked, "--local-ca and --local-insecure exclude each other; give one of them.");
        faults.Require(Socket is null || UnixDialer.CanDial(Socket), "--local-socket takes the path of a Unix socket, and the system takes no longer ones than about 100 bytes.");
    }
}
