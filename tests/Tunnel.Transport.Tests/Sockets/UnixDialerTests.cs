using System.Net.Sockets;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public sealed class UnixDialerTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Dial_AListener_Connects()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var listener = new TemporaryUnixListener(backlog: 1);
        using Socket near = await UnixDialer.DialAsync(listener.Path, Limit, TimeProvider.System, CancellationToken.None).Within();
        using Socket far = await listener.Socket.AcceptAsync().Within();
        far.Send("hello"u8);
        byte[] got = new byte[5];
        (await near.ReceiveAsync(got).Within()).Should().Be(5);
    }

    [Fact]
    public async Task Dial_AListenerThatIsBusy_WaitsForItsTurn()
    {
        if (!OperatingSystem.IsLinux())
        {
            // Elsewhere a full backlog is a refusal.
            return;
        }

        using var listener = new TemporaryUnixListener(backlog: 0);
        Task<Socket>[] dials = [.. Enumerable.Range(0, 8).Select(_ => UnixDialer.DialAsync(listener.Path, Limit, TimeProvider.System, CancellationToken.None))];
        foreach (Task<Socket> _ in dials)
        {
            (await listener.Socket.AcceptAsync().Within()).Dispose();
        }

        foreach (Socket socket in await Task.WhenAll(dials).Within())
        {
            socket.Dispose();
        }
    }

    [Fact]
    public async Task Dial_WhereThereIsNoSocket_SaysSo()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string path = Path.Combine(Path.GetTempPath(), $"tunnel-none-{Guid.NewGuid():N}.sock");
        Func<Task> dial = () => UnixDialer.DialAsync(path, Limit, TimeProvider.System, CancellationToken.None);
        (await dial.Should().ThrowAsync<DialException>()).Which.Message.Should().Contain("There is no socket");
    }

    private sealed class TemporaryUnixListener : IDisposable
    {
        public TemporaryUnixListener(int backlog)
        {
            Socket.Bind(new UnixDomainSocketEndPoint(Path));
            Socket.Listen(backlog);
        }

        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"tunnel-{Guid.NewGuid():N}.sock");

        public Socket Socket { get; } = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        public void Dispose()
        {
            Socket.Dispose();
            File.Delete(Path);
        }
    }
}
