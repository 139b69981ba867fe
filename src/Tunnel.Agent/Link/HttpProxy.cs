using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Http.Heads;
using Tunnel.Transport;

namespace Tunnel.Agent.Link;

/// <summary>The HTTP proxy between the agent and the server, for networks that let nothing else out (RFC 9110 section 9.3.6). Immutable.</summary>
public sealed class HttpProxy
{
    private readonly string? _credentials;

    private HttpProxy(string host, int port, bool isEncrypted, string? credentials)
    {
        Host = host;
        Port = port;
        IsEncrypted = isEncrypted;
        _credentials = credentials;
    }

    public string Host { get; }

    public int Port { get; }

    /// <summary>TLS to the proxy itself.</summary>
    public bool IsEncrypted { get; }

    /// <summary>Reads <c>[http[s]://][USER:PASSWORD@]HOST[:PORT]</c>, as curl and others read the variable.</summary>
    /// <returns>Null, with the fault as a sentence that never quotes the credentials.</returns>
    public static HttpProxy? Parse(string text, out string fault)
    {
        string url = text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}";
        fault = "it is not a proxy's address; it takes http://USER:PASSWORD@HOST:PORT, the credentials only if it wants any.";
        if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0 || uri.PathAndQuery is not ("/" or ""))
        {
            return null;
        }

        if (uri.Scheme is not ("http" or "https"))
        {
            fault = $"it names a proxy of the kind {Printable.Of(uri.Scheme)}; the agent knows http and https.";
            return null;
        }

        // A name without a password has an empty one (RFC 7617 section 2): the colon is what ends the name.
        string? credentials = uri.UserInfo.Length > 0
            ? Uri.UnescapeDataString(uri.UserInfo.Contains(':', StringComparison.Ordinal) ? uri.UserInfo : $"{uri.UserInfo}:")
            : null;

        // Without a port curl means 1080, everybody else 80 or 443; nobody means it, so no more is needed than one rule.
        return new HttpProxy(uri.IdnHost, uri.Port, uri.Scheme == "https", credentials);
    }

    /// <summary>Has the proxy connect to the target; bytes behind its answer stay in the link.</summary>
    /// <exception cref="LinkFaultException">It does not; the message says why.</exception>
    /// <exception cref="IOException">The link broke.</exception>
    internal async Task ConnectAsync(IConnection link, string target, MemoryPool<byte> pool, CancellationToken cancel)
    {
        var request = new StringBuilder($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if (_credentials is not null)
        {
            request.Append($"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(_credentials))}\r\n");
        }

        link.Output.Write(Encoding.ASCII.GetBytes(request.Append("\r\n").ToString()));
        await link.Output.FlushAsync(cancel);
        int status = await ReadStatusAsync(link.Input, pool, cancel);
        if (status is < 200 or > 299)
        {
            throw new LinkFaultException(AgentErrors.ProxyRefused, status switch
            {
                407 when _credentials is null => $"The proxy {ToString()} wants to know who asks: HTTPS_PROXY takes http://USER:PASSWORD@HOST:PORT.",
                407 => $"The proxy {ToString()} does not accept the credentials in HTTPS_PROXY.",
                403 or 405 => $"The proxy {ToString()} does not connect to {target} ({status}). Many allow port 443 only: name the server's HTTPS port with --server.",
                _ => $"The proxy {ToString()} could not connect to {target} ({status}).",
            });
        }
    }

    /// <summary>Without the credentials.</summary>
    public override string ToString() => HostAndPort.Write(Host, Port);

    private async Task<int> ReadStatusAsync(PipeReader input, MemoryPool<byte> pool, CancellationToken cancel)
    {
        var parser = new ResponseHeadParser(HttpLimits.Default);
        var head = new ResponseHead(pool);
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAsync(cancel);
                ParseOutcome outcome = parser.Parse(read.Buffer, head, RequestMethod.Connect, out SequencePosition consumed, out SequencePosition examined);
                bool hasEnded = read.IsCompleted;
                input.AdvanceTo(consumed, examined);
                if (outcome == ParseOutcome.Complete && !head.IsInterim)
                {
                    return head.Status;
                }

                if (outcome == ParseOutcome.Rejected || (outcome == ParseOutcome.NeedMore && hasEnded))
                {
                    throw new LinkFaultException(
                        AgentErrors.ProxyInvalid,
                        $"{ToString()} does not answer like an HTTP proxy."
                        + (IsEncrypted ? "" : " If it wants TLS for itself, HTTPS_PROXY takes https:// in front of its name."));
                }
            }
        }
        finally
        {
            head.Reset();
        }
    }
}
