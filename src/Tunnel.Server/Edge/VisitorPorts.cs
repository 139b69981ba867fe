using System.Net;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Edge;

/// <summary>Binds the ports that visitors know (docs/operating.md, "The server"): the one asked for, or the usual one and what is tried after it.</summary>
internal static class VisitorPorts
{
    /// <summary>What sockets that this process was started with may be called.</summary>
    public static readonly string[] SocketNames = ["http", "https", "agent"];

    private const int FallbackHttpPort = 8000;
    private const int FallbackHttpsPort = 8443;

    /// <exception cref="BindException">A port or address cannot be had.</exception>
    public static SocketListener BindHttp(ServerOptions options, TimeProvider time, Action<string, int> onFallback) =>
        Inherited(options, "http", options.Listen.HttpPort ?? ServerOptions.PreferredHttpPort, time)
        ?? Bind(options, options.Listen.HttpPort, (ServerOptions.PreferredHttpPort, FallbackHttpPort), time, onFallback);

    /// <inheritdoc cref="BindHttp"/>
    public static SocketListener BindHttps(ServerOptions options, TimeProvider time, Action<string, int> onFallback) =>
        Inherited(options, "https", options.Listen.HttpsPort ?? ServerOptions.PreferredHttpsPort, time)
        ?? Bind(options, options.Listen.HttpsPort, (ServerOptions.PreferredHttpsPort, FallbackHttpsPort), time, onFallback);

    /// <summary>The port for agents.</summary>
    /// <inheritdoc cref="BindHttp" path="/exception"/>
    public static SocketListener BindAgents(ServerOptions options, TimeProvider time) =>
        Inherited(options, "agent", options.Listen.AgentPort, time) ?? new SocketListener(Spec(options, options.Listen.AgentPort), time);

    /// <summary>One port on the addresses of this server.</summary>
    public static BindSpec Spec(ServerOptions options, int port) =>
        (options.Listen.LoopbackOnly ? BindSpec.Loopback(port) : BindSpec.At(options.Listen.Bind, port)) with { SharesPort = options.Listen.SharesPorts };

    // A socket that somebody has opened for us comes before any that we would open.
    private static SocketListener? Inherited(ServerOptions options, string name, int port, TimeProvider time) =>
        options.Listen.Inherited?.Claim(name, port, SocketNames) is { Count: > 0 } sockets ? new SocketListener(sockets, time) : null;

    /// <summary>Every port that these listen on; sockets that were inherited may be on several.</summary>
    public static IReadOnlySet<int> NumbersOf(params SocketListener?[] listeners) =>
        listeners.SelectMany(listener => listener?.EndPoints ?? []).Select(endPoint => endPoint.Port).ToHashSet();

    public static string Text(IReadOnlyList<IPEndPoint> endPoints) => string.Join(" and ", endPoints);

    private static SocketListener Bind(
        ServerOptions options, int? asked, (int Preferred, int Fallback) ports, TimeProvider time, Action<string, int> onFallback)
    {
        if (asked is { } port)
        {
            return new SocketListener(Spec(options, port), time);
        }

        try
        {
            return new SocketListener(Spec(options, ports.Preferred), time);
        }
        catch (BindException first) when (first.Failure is BindFailure.InUse or BindFailure.NotPermitted)
        {
            SocketListener listener;
            try
            {
                listener = new SocketListener(Spec(options, ports.Fallback), time);
            }
            catch (BindException second) when (second.Failure is BindFailure.InUse)
            {
                listener = new SocketListener(Spec(options, 0), time);
            }

            onFallback(first.Message, listener.Port);
            return listener;
        }
    }
}
