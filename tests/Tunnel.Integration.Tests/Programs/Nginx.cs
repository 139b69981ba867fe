using System.Net.Sockets;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Programs;

/// <summary>
/// nginx serving a folder, and a tunnel in front of it. nginx listens on a socket file, since it cannot be given a free
/// port; the pair's origin carries bytes between.
/// </summary>
public sealed class Nginx : IAsyncDisposable
{
    private readonly ProgramRun _run;

    private Nginx(ProgramRun run, TunnelPair pair)
    {
        _run = run;
        Pair = pair;
    }

    public TunnelPair Pair { get; }

    public static async Task<Nginx> ServeAsync(TemporaryFolder place, string root)
    {
        string socket = place.File("nginx.socket");
        string user = Environment.UserName == "root" ? "user root;" : "";
        await File.WriteAllTextAsync(place.File("nginx.conf"), $$"""
            daemon off; {{user}} worker_processes 1; pid {{place.File("nginx.pid")}}; error_log stderr crit;
            events { worker_connections 1024; }
            http {
                access_log off; client_body_temp_path {{place.File("body")}}; proxy_temp_path {{place.File("proxy")}};
                fastcgi_temp_path {{place.File("fastcgi")}}; uwsgi_temp_path {{place.File("uwsgi")}}; scgi_temp_path {{place.File("scgi")}};
                types { text/html html; text/css css; application/javascript js; image/svg+xml svg; }
                server { listen unix:{{socket}}; root {{root}}; gzip on; gzip_proxied any; gzip_types text/css; }
            }
            """);
        ProgramRun run = ProgramRun.Start(place.Path, "nginx", "-p", place.Path, "-c", place.File("nginx.conf"));
        TunnelPair pair = await TunnelPair.StartAsync(connection => RelayAsync(connection, socket));
        await Eventually.TrueAsync(() => IsListeningAsync(socket));
        return new Nginx(run, pair);
    }

    public async ValueTask DisposeAsync()
    {
        await Pair.DisposeAsync();
        await _run.DisposeAsync();
    }

    // The file is there a moment before anybody listens behind it.
    private static async Task<bool> IsListeningAsync(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static async Task RelayAsync(ScriptedConnection agent, string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), agent.Stopped);
        Task up = UpAsync(agent, socket);
        byte[] buffer = new byte[64 * 1024];
        while (await socket.ReceiveAsync(buffer, agent.Stopped) is > 0 and int count)
        {
            await agent.WriteAsync(buffer.AsMemory(0, count));
        }

        agent.EndSending();
        await up;
    }

    private static async Task UpAsync(ScriptedConnection agent, Socket socket)
    {
        while (await agent.ReadSomeAsync() is { Length: > 0 } some)
        {
            for (int sent = 0; sent < some.Length;)
            {
                sent += await socket.SendAsync(some.AsMemory(sent), SocketFlags.None, agent.Stopped);
            }
        }

        socket.Shutdown(SocketShutdown.Send);
    }
}
