using System.Net;
using System.Net.Sockets;
using Tunnel.Agent.Connection;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;

namespace Tunnel.Agent.Console;

/// <summary>
/// The lines on standard output: the public address when the tunnel is up, and, when that name does not lead to the
/// server from here, the command that gets there all the same (DESIGN section 8).
/// </summary>
public sealed class ForwardingLine(AgentOptions options, TextWriter output) : IAgentEvents
{
    private static readonly TimeSpan LookupTime = TimeSpan.FromSeconds(3);

    private string? _lastUrl;

    /// <inheritdoc/>
    public void OnForwarding(TunnelGrant grant, IPEndPoint server)
    {
        // After a reconnect nothing has changed for the person who reads this.
        if (grant.Url == _lastUrl)
        {
            return;
        }

        _lastUrl = grant.Url;
        output.WriteLine($"Forwarding {Printable.Of(grant.Url)} -> http://{options.LocalHost}:{options.Port}");
        output.Flush();
        _ = AdviseAsync(grant, server.Address);
    }

    private async Task AdviseAsync(TunnelGrant grant, IPAddress server)
    {
        if (Uri.TryCreate(grant.Url, UriKind.Absolute, out Uri? url) && !await LeadsToAsync(url.Host, server))
        {
            await output.WriteLineAsync(
                $"{url.Host} does not lead to the server from here. Try: curl --resolve {url.Host}:{url.Port}:{Bracketed(server)} {url}");
            await output.FlushAsync();
        }
    }

    private static async Task<bool> LeadsToAsync(string host, IPAddress server)
    {
        // Browsers and curl resolve these to loopback by themselves, whatever the system says (RFC 6761 section 6.3).
        if (host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase))
        {
            return IPAddress.IsLoopback(server);
        }

        try
        {
            using var limit = new CancellationTokenSource(LookupTime);
            IPAddress[] addresses = await Dns.GetHostAddressesAsync(host, limit.Token);
            return addresses.Contains(server);
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    private static string Bracketed(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
}
