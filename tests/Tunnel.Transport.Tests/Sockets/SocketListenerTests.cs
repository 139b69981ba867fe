using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public sealed class SocketListenerTests
{
    [Fact]
    public async Task Every_OnPortZero_TakesBothFamilies()
    {
        await using var listener = Listen(BindSpec.Every(0));
        var accepted = new Accepted(listener);
        using var four = await ConnectAsync(IPAddress.Loopback, listener.Port);
        await accepted.Count.WhenAsync(1);
        if (Socket.OSSupportsIPv6)
        {
            using var six = await ConnectAsync(IPAddress.IPv6Loopback, listener.Port);
            await accepted.Count.WhenAsync(2);
        }
    }

    [Fact]
    public async Task Loopback_OnPortZero_HasTheSamePortOnBothFamilies()
    {
        await using var listener = Listen(BindSpec.Loopback(0));
        var accepted = new Accepted(listener);
        listener.EndPoints.Select(endPoint => endPoint.Port).Distinct().Should().Equal(listener.Port);
        listener.EndPoints.Should().OnlyContain(endPoint => IPAddress.IsLoopback(endPoint.Address));
        foreach (var endPoint in listener.EndPoints)
        {
            using var client = await ConnectAsync(endPoint.Address, endPoint.Port);
        }

        await accepted.Count.WhenAsync(listener.EndPoints.Count);
    }

    [Fact]
    public async Task At_OneAddress_ListensThereOnly()
    {
        await using var listener = Listen(BindSpec.At(IPAddress.Loopback, 0));
        listener.EndPoints.Should().ContainSingle().Which.Address.Should().Be(IPAddress.Loopback);
        listener.Port.Should().BePositive();
    }

    [Fact]
    public async Task Tune_OfTheListener_IsOfWhoIsTakenIn()
    {
        var options = new SocketConnectionOptions { KeepAliveAfter = TimeSpan.FromSeconds(61), KeepAliveInterval = TimeSpan.FromSeconds(7), KeepAliveProbes = 5, UnsentLimit = 77_000 };
        await using var listener = Listen(BindSpec.At(IPAddress.Loopback, 0));
        bool isTuned = listener.Tune(options);
        isTuned.Should().Be(OperatingSystem.IsLinux());
        var accepted = new TaskCompletionSource<Socket>();
        listener.Start(accepted.SetResult);
        using var client = await ConnectAsync(IPAddress.Loopback, listener.Port);
        using Socket socket = await accepted.Task.Within();
        if (!isTuned)
        {
            SocketTuning.Apply(socket, options);
        }

        socket.NoDelay.Should().BeTrue();
        socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive).Should().NotBe(0);
        socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime).Should().Be(61);
        socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval).Should().Be(7);
        socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount).Should().Be(5);
        if (OperatingSystem.IsLinux())
        {
            byte[] unsent = new byte[sizeof(int)];
            socket.GetRawSocketOption(6, 25, unsent);
            BitConverter.ToInt32(unsent).Should().Be(77_000);
        }
    }

    [Fact]
    public async Task Constructor_OnAPortInUse_SaysSo()
    {
        await using var first = Listen(BindSpec.Every(0));
        first.Start(static socket => socket.Dispose());
        foreach (var spec in new[] { BindSpec.Every(first.Port), BindSpec.Loopback(first.Port), BindSpec.At(IPAddress.Loopback, first.Port) })
        {
            FluentActions.Invoking(() => Listen(spec)).Should().Throw<BindException>()
                .Which.Failure.Should().Be(BindFailure.InUse);
        }
    }

    [Fact]
    public async Task Constructor_OnALoopbackPortTakenForOneFamilyOnly_LeavesNothingOpen()
    {
        if (!Socket.OSSupportsIPv6)
        {
            return;
        }

        // The same port may be somebody else's for IPv4: another test's, or a client's that the system gave it to.
        const int Attempts = 10;
        for (int attempt = 1; ; attempt++)
        {
            await using var six = Listen(BindSpec.At(IPAddress.IPv6Loopback, 0));
            FluentActions.Invoking(() => Listen(BindSpec.Loopback(six.Port))).Should().Throw<BindException>()
                .Which.Failure.Should().Be(BindFailure.InUse);
            try
            {
                await using var four = Listen(BindSpec.At(IPAddress.Loopback, six.Port));
                return;
            }
            catch (BindException) when (attempt < Attempts)
            {
            }
        }
    }

    [Fact]
    public void Constructor_OnAForeignAddress_SaysSo() =>
        FluentActions.Invoking(() => Listen(BindSpec.At(IPAddress.Parse("192.0.2.77"), 0))).Should().Throw<BindException>()
            .Which.Failure.Should().Be(BindFailure.AddressNotAvailable);

    [Fact]
    public void BindException_OfMissingPrivilege_SaysSo() =>
        new BindException(new IPEndPoint(IPAddress.Any, 80), new SocketException((int)SocketError.AccessDenied))
            .Failure.Should().Be(BindFailure.NotPermitted);

    [Fact]
    public async Task Restart_WithConnectionsInTimeWait_GetsThePortAtOnce()
    {
        var listener = Listen(BindSpec.Every(0));
        var port = listener.Port;
        var closed = new Tally();

        // The side that closes first is the one that waits: it has to be the listener's.
        listener.Start(socket =>
        {
            socket.Dispose();
            closed.Add();
        });
        using (var client = await ConnectAsync(IPAddress.Loopback, port))
        {
            await closed.WhenAsync(1);
            (await client.ReceiveAsync(new byte[1]).Within()).Should().Be(0);
        }

        await listener.DisposeAsync().Within();
        await using var again = Listen(BindSpec.Every(port));
        again.Port.Should().Be(port);
    }

    [Fact]
    public async Task Stop_WhileAccepting_EndsTheLoopAndClosesThePort()
    {
        var listener = Listen(BindSpec.Loopback(0));
        var accepted = new Accepted(listener);
        using var client = await ConnectAsync(IPAddress.Loopback, listener.Port);
        await accepted.Count.WhenAsync(1);
        await listener.StopAsync().Within();
        await listener.StopAsync().Within();
        var connect = async () => await ConnectAsync(IPAddress.Loopback, listener.Port);
        (await connect.Should().ThrowAsync<SocketException>()).Which.SocketErrorCode.Should().Be(SocketError.ConnectionRefused);
        listener.Invoking(stopped => stopped.Start(static _ => { })).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public async Task Start_WithATakerThatThrows_ClosesThatConnectionAndGoesOn()
    {
        await using var listener = Listen(BindSpec.Loopback(0));
        var taken = new Tally();
        var faults = new Tally();
        listener.Start(
            socket =>
            {
                taken.Add();
                if (taken.Count == 1)
                {
                    throw new InvalidOperationException("no");
                }

                socket.Dispose();
            },
            _ => faults.Add());
        using var first = await ConnectAsync(IPAddress.Loopback, listener.Port);
        (await first.ReceiveAsync(new byte[1]).Within()).Should().Be(0);
        using var second = await ConnectAsync(IPAddress.Loopback, listener.Port);
        await taken.WhenAsync(2);
        faults.Count.Should().Be(1);
    }

    [Fact]
    public async Task Accept_ManyAtOnce_TakesAll()
    {
        await using var listener = Listen(BindSpec.Loopback(0));
        var waiting = new List<Socket>();
        for (var i = 0; i < 100; i++)
        {
            waiting.Add(await ConnectAsync(IPAddress.Loopback, listener.Port));
        }

        var accepted = new Accepted(listener);
        await accepted.Count.WhenAsync(100);
        waiting.ForEach(static socket => socket.Dispose());
    }

    private static SocketListener Listen(BindSpec spec) => new(spec, new FakeTimeProvider());

    private static async Task<Socket> ConnectAsync(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, port).Within();
        return socket;
    }

    private sealed class Accepted
    {
        public Accepted(SocketListener listener) => listener.Start(socket =>
        {
            socket.Dispose();
            Count.Add();
        });

        public Tally Count { get; } = new();
    }
}
