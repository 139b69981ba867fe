using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Tunnel.TestSupport;
using Tunnel.Transport.EventThreads;
using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.EventThreads;

/// <summary>The places that sockets have in the event loops of the process, which no other test may change meanwhile.</summary>
[Collection(nameof(Alone))]
public sealed class LoopPlacesTests
{
    [Fact]
    public async Task Dials_CancelledAtAnyMoment_GiveTheirPlacesBack()
    {
        if (EventLoop.All.Count == 0)
        {
            return;
        }

        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(4096);
        int before = Places();
        for (int i = 0; i < 2_000; i++)
        {
            using var cancel = new CancellationTokenSource();
            Task<Socket> dialling = EndPointDial.ConnectAsync(listener.LocalEndPoint!, i % 2 == 0 ? new CancellationToken(canceled: true) : cancel.Token);
            await cancel.CancelAsync();
            try
            {
                (await dialling.Within()).Dispose();
            }
            catch (OperationCanceledException)
            {
                // As asked.
            }

            (await listener.AcceptAsync().Within()).Dispose();
        }

        await Eventually.TrueAsync(() => Places() == before, what: "every place is free again");
    }

    /// <summary>Else the first connections of a program would be dealt to several threads, see <see cref="EventLoop.Next"/>.</summary>
    [Fact]
    public async Task Listener_OnALoop_DoesNotCountAmongItsSockets()
    {
        int before = Places();
        await using var listener = new SocketListener(BindSpec.At(IPAddress.Loopback, 0), new FakeTimeProvider());
        listener.Start(static socket => socket.Dispose());
        Places().Should().Be(before);
    }

    private static int Places() => EventLoop.All.Sum(loop => loop.Count);
}
