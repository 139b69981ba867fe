using System.Net;
using System.Net.Sockets;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;

namespace Tunnel.Agent.Console;

/// <summary>
/// The lines on standard output: the public address when the tunnel is up, and, when that name does not lead to the
/// server from here, the command that gets there all the same (docs/troubleshooting.md, "The agent says"). Behind a proxy that is left out: names
/// are looked up by the proxy, and there may be no other way to the server. Nor need a name lead to a server that has something in front of it.
/// </summary>
/// <param name="output">Gets the addresses.</param>
/// <param name="advice">Gets the commands.</param>
public sealed class ForwardingLine(TextWriter output, TextWriter advice) : IAgentEvents, IAsyncDisposable
{
    private static readonly TimeSpan LookupTime = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _lastUrls = [];
    private Task _advice = Task.CompletedTask;

    /// <inheritdoc/>
    public void OnForwarding(TunnelOptions tunnel, TunnelGrant grant, IPEndPoint? server)
    {
        lock (_lock)
        {
            // After a reconnect nothing has changed for the person who reads this.
            if (_lastUrls.TryGetValue(tunnel.Name, out string? last) && last == grant.Url)
            {
                return;
            }

            _lastUrls[tunnel.Name] = grant.Url;
            _advice = TellAsync(_advice, tunnel, grant, server?.Address);
        }
    }

    /// <summary>Gives up what is still to be looked up, and waits until nothing is written any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _advice;
        _stop.Dispose();
    }

    private async Task TellAsync(Task before, TunnelOptions tunnel, TunnelGrant grant, IPAddress? server)
    {
        await before;
        try
        {
            await StandardLines.WriteAsync(output, $"Forwarding {Printable.Of(grant.Url)} -> {Printable.Of(tunnel.OriginText)}");
            if (server is not null && !grant.HasFront && Uri.TryCreate(grant.Url, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" && url.HostNameType == UriHostNameType.Dns
                && !await LeadsToAsync(url.Host, server, _stop.Token))
            {
                // A line to be pasted into a shell holds nothing but a checked name and numbers.
                await StandardLines.WriteAsync(
                    advice,
                    $"{url.Host} does not lead to the server from here. Try: curl {(grant.SelfSigned ? "-k " : "")}--resolve {url.Host}:{url.Port}:{Bracketed(server)} {url.Scheme}://{url.Authority}/");
            }
        }
        catch (OperationCanceledException)
        {
            // The agent stops: the advice is not needed any more.
        }
    }

    private static async Task<bool> LeadsToAsync(string host, IPAddress server, CancellationToken stop)
    {
        // Browsers and curl resolve these to loopback by themselves, whatever the system says (RFC 6761 section 6.3).
        if (host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase))
        {
            return IPAddress.IsLoopback(server);
        }

        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(LookupTime);
            IPAddress[] addresses = await Dns.GetHostAddressesAsync(host, limit.Token);
            return addresses.Contains(server);
        }
        catch (Exception error) when (error is SocketException || (error is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return false;
        }
    }

    private static string Bracketed(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
}
