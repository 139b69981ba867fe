using System.CommandLine;
using Tunnel.Hosting;

namespace Tunnel.Agent;

/// <summary>The options of the command line that say where the local server is and how to speak to it.</summary>
internal sealed class OriginSettings(OptionSet options)
{
    private readonly Option<string?> _host = options.Text("--local-host", "NAME", "Host of your local server.", new AgentOptions().LocalHost);

    private readonly Option<string?> _socket = options.Text("--local-socket", "PATH", "Unix socket of your local server, instead of a host and port.");

    private readonly Option<bool> _https = options.Switch("--local-https", "Your local server speaks HTTPS; its certificate must be one this system trusts.");

    private readonly Option<string?> _ca = options.Text("--local-ca", "FILE", "Trust the authorities in this PEM file for it instead.");

    private readonly Option<bool> _insecure = options.Switch("--local-insecure", "Take whatever certificate it shows: whoever can take its place reads and changes everything.");

    private readonly Option<bool> _proxy = options.Switch("--send-proxy-protocol", "Begin every connection to it with a PROXY protocol header (version 2) that names the visitor; for --protocol tcp and tls.");

    public AgentOptions Read(ParseResult arguments, AgentOptions defaults) => defaults with
    {
        LocalHost = arguments.GetValue(_host)!,
        LocalSocket = arguments.GetValue(_socket),
        LocalHttps = arguments.GetValue(_https),
        LocalCa = arguments.GetValue(_ca),
        LocalInsecure = arguments.GetValue(_insecure),
        SendsProxyProtocol = arguments.GetValue(_proxy),
    };
}
