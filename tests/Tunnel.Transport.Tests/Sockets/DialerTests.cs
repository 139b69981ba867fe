using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

public sealed class DialerTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private static readonly IPAddress First = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Second = IPAddress.Parse("192.0.2.2");

    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    [InlineData("LOCALHOST")]
    public async Task Dial_AListener_Connects(string host)
    {
        await using var listener = new SocketListener(BindSpec.At(IPAddress.Loopback, 0), _time);
        using var socket = await new Dialer(_time).DialAsync(host, listener.Port, Limit).Within();
        socket.Connected.Should().BeTrue();
    }

    [Fact]
    public async Task Dial_LocalhostThatListensOnIPv6Only_FindsItAndTriesItFirstNextTime()
    {
        if (!Socket.OSSupportsIPv6)
        {
            return;
        }

        await using var listener = new SocketListener(BindSpec.At(IPAddress.IPv6Loopback, 0), _time);
        var tried = new List<IPAddress>();
        var dialer = new Dialer(_time, NoName, async (endPoint, token) =>
        {
            tried.Add(endPoint.Address);
            var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(endPoint, token);
            return socket;
        });
        using var one = await dialer.DialAsync("localhost", listener.Port, Limit).Within();
        using var two = await dialer.DialAsync("localhost", listener.Port, Limit).Within();
        tried.Should().Equal(IPAddress.Loopback, IPAddress.IPv6Loopback, IPAddress.IPv6Loopback);
    }

    [Fact]
    public async Task Dial_WhereNobodyListens_IsRefused()
    {
        // Bound and not listening: nobody else can come to listen there meanwhile.
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)bound.LocalEndPoint!).Port;
        var dial = async () => await new Dialer(_time).DialAsync("localhost", port, Limit).Within();
        var failure = (await dial.Should().ThrowAsync<DialException>()).Which;
        failure.Failure.Should().Be(DialFailure.Refused);
        failure.Port.Should().Be(port);
    }

    [Fact]
    public async Task Dial_ANameThatDoesNotExist_SaysSo()
    {
        var dialer = new Dialer(_time, NoName, NoConnection);
        (await FailsAsync(dialer.DialAsync("nowhere.invalid", 80, Limit))).Failure.Should().Be(DialFailure.NameNotResolved);
    }

    [Fact]
    public async Task Dial_ANameWithoutAddresses_SaysSo()
    {
        var dialer = new Dialer(_time, (_, _) => Task.FromResult(Array.Empty<IPAddress>()), NoConnection);
        (await FailsAsync(dialer.DialAsync("empty.invalid", 80, Limit))).Failure.Should().Be(DialFailure.NameNotResolved);
    }

    [Fact]
    public async Task Dial_WithoutAnAnswer_TimesOut()
    {
        var dialer = new Dialer(_time, TwoAddresses, HangAsync);
        var dialing = dialer.DialAsync("far.example", 80, Limit);
        dialing.IsCompleted.Should().BeFalse();
        _time.Advance(Limit);
        (await FailsAsync(dialing)).Failure.Should().Be(DialFailure.TimedOut);
    }

    [Fact]
    public async Task Dial_WithALookupThatHangs_TimesOut()
    {
        var dialer = new Dialer(_time, (_, token) => HangAsync<IPAddress[]>(token), NoConnection);
        var dialing = dialer.DialAsync("far.example", 80, Limit);
        _time.Advance(Limit);
        (await FailsAsync(dialing)).Failure.Should().Be(DialFailure.TimedOut);
    }

    [Fact]
    public async Task Dial_Cancelled_ThrowsThat()
    {
        using var source = new CancellationTokenSource();
        var dialing = new Dialer(_time, TwoAddresses, HangAsync).DialAsync("far.example", 80, Limit, source.Token);
        await source.CancelAsync();
        var wait = async () => await dialing.Within();
        await wait.Should().ThrowAsync<OperationCanceledException>();
    }

    [Theory]
    [InlineData(SocketError.NetworkUnreachable, SocketError.ConnectionRefused, DialFailure.Refused)]
    [InlineData(SocketError.ConnectionRefused, SocketError.HostUnreachable, DialFailure.Refused)]
    [InlineData(SocketError.HostUnreachable, SocketError.TimedOut, DialFailure.TimedOut)]
    [InlineData(SocketError.NetworkUnreachable, SocketError.HostUnreachable, DialFailure.Unreachable)]
    [InlineData(SocketError.AccessDenied, SocketError.AccessDenied, DialFailure.Other)]
    public async Task Dial_WithAddressesThatFailDifferently_TellsWhatSaysMost(SocketError one, SocketError other, DialFailure expected)
    {
        var dialer = new Dialer(_time, TwoAddresses, (endPoint, _) =>
            Task.FromException<Socket>(new SocketException((int)(endPoint.Address.Equals(First) ? one : other))));
        (await FailsAsync(dialer.DialAsync("far.example", 80, Limit))).Failure.Should().Be(expected);
    }

    [Fact]
    public async Task Dial_WithAFirstAddressThatLeadsNowhere_TriesTheSecondBeside()
    {
        await using var listener = new SocketListener(BindSpec.At(IPAddress.Loopback, 0), _time);
        var tried = new Tally();
        var given = new Tally();
        var dialer = new Dialer(_time, TwoAddresses, async (endPoint, token) =>
        {
            tried.Add();
            try
            {
                return endPoint.Address.Equals(First)
                    ? await HangAsync(endPoint, token)
                    : await new Dialer(TimeProvider.System).DialAsync("127.0.0.1", listener.Port, Limit, token);
            }
            finally
            {
                given.Add();
            }
        });
        var dialing = dialer.DialAsync("far.example", 80, Limit);
        tried.Count.Should().Be(1);
        _time.Advance(Dialer.HeadStart);
        using var socket = await dialing.Within();
        tried.Count.Should().Be(2);
        given.Count.Should().Be(2, "the one that lost is given up and waited for");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(65536)]
    public async Task Dial_APortThatIsNone_IsRefusedAsAMistake(int port)
    {
        var dial = async () => await new Dialer(_time).DialAsync("localhost", port, Limit);
        await dial.Should().ThrowAsync<ArgumentOutOfRangeException>();
    }

    /// <summary>As when a program dies with connections in its backlog: for the agent that is one more try, not its end.</summary>
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task Dial_ThatIsResetTheMomentItStands_GivesTheSocketToWhoFindsOut(string host)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var dialer = new Dialer(_time, NoName, async (endPoint, token) =>
        {
            var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(endPoint, token);
            using (Socket accepted = await listener.AcceptAsync(token))
            {
                accepted.LingerState = new LingerOption(enable: true, seconds: 0);
            }

            // The reset has come when there is something to read.
            socket.Poll(TimeSpan.FromSeconds(10), SelectMode.SelectRead).Should().BeTrue();
            return socket;
        });
        using var socket = await dialer.DialAsync(host, ((IPEndPoint)listener.LocalEndPoint!).Port, Limit).Within();
        var read = async () => await socket.ReceiveAsync(new byte[1]);
        await read.Should().ThrowAsync<SocketException>();
    }

    private static Task<IPAddress[]> NoName(string host, CancellationToken cancellationToken) =>
        Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound));

    private static Task<IPAddress[]> TwoAddresses(string host, CancellationToken cancellationToken) =>
        Task.FromResult(new[] { First, Second });

    private static Task<Socket> NoConnection(IPEndPoint endPoint, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("Nothing to connect to.");

    private static Task<Socket> HangAsync(IPEndPoint endPoint, CancellationToken cancellationToken) => HangAsync<Socket>(cancellationToken);

    private static async Task<T> HangAsync<T>(CancellationToken cancellationToken)
    {
        var never = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = cancellationToken.Register(() => never.TrySetCanceled(cancellationToken));
        return await never.Task;
    }

    private static async Task<DialException> FailsAsync(Task<Socket> dialing)
    {
        var wait = async () => await dialing.Within();
        return (await wait.Should().ThrowAsync<DialException>()).Which;
    }
}
