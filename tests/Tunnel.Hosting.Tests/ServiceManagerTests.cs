using System.Net.Sockets;
using System.Text;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests;

public sealed class ServiceManagerTests
{
    [LinuxTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Manager_IsToldHowTheProgramStands(bool isAbstract)
    {
        using var folder = new TemporaryFolder();
        string name = folder.File("notify");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(isAbstract ? $"\0{name}" : name));
        var manager = new ServiceManager(isAbstract ? $"@{name}" : name);

        manager.Ready();
        manager.Reloading();
        manager.Stopping();

        (await ReceiveAsync(socket)).Should().Be("READY=1");
        (await ReceiveAsync(socket)).Should().MatchRegex("^RELOADING=1\nMONOTONIC_USEC=[0-9]{7,}$");
        (await ReceiveAsync(socket)).Should().Be("STOPPING=1");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/nowhere/notify")]
    public void Manager_ThatDoesNotListen_IsNoReasonToFail(string? socket) =>
        FluentActions.Invoking(new ServiceManager(socket).Ready).Should().NotThrow();

    [LinuxFact]
    public void Manager_ThatIsFull_HoldsNobodyUp()
    {
        using var folder = new TemporaryFolder();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(folder.File("notify")));
        var manager = new ServiceManager(folder.File("notify"));
        for (int i = 0; i < 10_000; i++)
        {
            manager.Ready();
        }

        socket.Available.Should().BePositive();
    }

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        byte[] notice = new byte[256];
        return Encoding.UTF8.GetString(notice, 0, await socket.ReceiveAsync(notice.AsMemory()).AsTask().Within());
    }
}
