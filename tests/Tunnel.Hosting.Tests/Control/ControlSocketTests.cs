using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Hosting.Control;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Control;

public sealed class ControlSocketTests : IDisposable
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryFolder _temporary = new();
    private readonly FakeTimeProvider _time = new();

    private ControlFolder Folder => new(_temporary.File("run"));

    private string Own => Path.Combine(Folder.Path, $"{Environment.ProcessId}.sock");

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public async Task Program_ThatIsAsked_Answers()
    {
        await using ControlSocket socket = Open();
        AskedProgram program = (await AskAllAsync()).Should().ContainSingle().Which;
        program.Pid.Should().Be(Environment.ProcessId);
        program.Answer!.Result!.Value.GetString().Should().Be("you said status");
    }

    [Fact]
    public async Task WhatComesAfterwards_IsDoneBehindTheAnswer()
    {
        var done = new TaskCompletionSource();
        await using ControlSocket socket = ControlSocket.Open(Folder, (_, _) => Task.FromResult(new ControlAnswer { Afterwards = done.SetResult }), _time);
        (await ControlClient.AskAsync(1, Own, new ControlRequest("stop"), _time))!.Answer!.Code.Should().BeNull();
        await done.Task.Within();
    }

    [Fact]
    public async Task Socket_AndItsFolder_AreTheOwnersAlone()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        await using (ControlSocket socket = Open())
        {
            File.GetUnixFileMode(Folder.Path).Should().Be(Owner | UnixFileMode.UserExecute);
            File.GetUnixFileMode(Own).Should().Be(Owner);
            Directory.GetFiles(Folder.Path).Should().Equal(Own);
        }

        Directory.GetFiles(Folder.Path).Should().BeEmpty();
    }

    [LinuxFact]
    [UnsupportedOSPlatform("windows")]
    public async Task Folder_ThatLetsItsGroupInAndNobodyElse_MeansTheGroup()
    {
        const UnixFileMode Group = UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
        Directory.CreateDirectory(Folder.Path, Owner | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute);
        await using ControlSocket socket = Open();
        File.GetUnixFileMode(Own).Should().Be(Owner | Group);
        (await AskAllAsync()).Should().ContainSingle().Which.Answer.Should().NotBeNull();
    }

    [LinuxFact]
    [UnsupportedOSPlatform("windows")]
    public void Folder_IntoWhichOthersMayPutFiles_IsNotUsed()
    {
        Directory.CreateDirectory(Folder.Path);
        File.SetUnixFileMode(Folder.Path, (UnixFileMode)0x1FF);
        FluentActions.Invoking(Open).Should().Throw<IOException>().WithMessage("*others may put files into*chmod 700*");
    }

    [Fact]
    public void Folder_WithAPathThatNoSocketTakes_IsToldByName()
    {
        var folder = new ControlFolder(_temporary.File(new string('x', 150)));
        FluentActions.Invoking(() => ControlSocket.Open(folder, EchoAsync, _time)).Should().Throw<IOException>().WithMessage($"{folder.Path}*");
    }

    [Theory]
    [InlineData(100_000, (byte)'x')]
    [InlineData(ControlSocket.MostRequestBytes, 0)]
    public async Task Line_ThatDoesNotEnd_IsRefused(int length, byte content)
    {
        await using ControlSocket socket = Open();
        byte[] line = new byte[length];
        Array.Fill(line, content);
        (await SpeakAsync(line)).Should().Be("control-invalid");
        (await AskAllAsync()).Should().ContainSingle().Which.Answer.Should().NotBeNull();
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("{}\n")]
    [InlineData("null\n")]
    [InlineData("[1]\n")]
    [InlineData("{\"command\":7}\n")]
    [InlineData("\0\u0001\uFFFD\n")]
    [InlineData("GET / HTTP/1.1\r\n")]
    public async Task Line_ThatIsNoRequest_IsRefused(string line)
    {
        await using ControlSocket socket = Open();
        (await SpeakAsync(Encoding.UTF8.GetBytes(line))).Should().Be("control-invalid");
    }

    [LinuxFact]
    public async Task Connections_ThatSayNothing_AreBoundedAndClosedAndTheNextIsServed()
    {
        await using ControlSocket socket = Open();
        List<Socket> silent = [];
        try
        {
            // Until the system lets nobody wait any more.
            Func<Task> connect = async () => silent.Add(await ConnectAsync());
            (await connect.Invoking(one => FillAsync(one, 1000)).Should().ThrowAsync<SocketException>()).Which.SocketErrorCode.Should().Be(SocketError.WouldBlock);
            silent.Should().HaveCountLessThan(100);

            Task<AskedProgram?> next = ControlClient.AskAsync(1, Own, new ControlRequest("status"), TimeProvider.System);
            byte[] one = new byte[1];
            Task<int>[] ends = [.. silent.Select(peer => peer.ReceiveAsync(one.AsMemory()).AsTask())];
            await Eventually.TrueAsync(() =>
            {
                _time.Advance(TimeSpan.FromSeconds(5));
                return ends.All(end => end.IsCompleted) && next.IsCompleted;
            });
            (await Task.WhenAll(ends)).Should().OnlyContain(read => read == 0);
            (await next.Within())!.Answer!.Code.Should().BeNull();
        }
        finally
        {
            silent.ForEach(peer => peer.Dispose());
        }
    }

    [Fact]
    public async Task Socket_OfAProgramThatIsGone_IsTakenAway()
    {
        Directory.CreateDirectory(Folder.Path);
        string left = Path.Combine(Folder.Path, "999999.sock");
        var gone = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        gone.Bind(new UnixDomainSocketEndPoint(left + ".new"));
        File.Move(left + ".new", left);
        gone.Dispose();
        File.Exists(left).Should().BeTrue();
        (await AskAllAsync()).Should().BeEmpty();
        File.Exists(left).Should().BeFalse();
    }

    [Fact]
    public async Task Program_ThatIsNoneOfOurs_IsToldAsSilent()
    {
        Directory.CreateDirectory(Folder.Path);
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Bind(new UnixDomainSocketEndPoint(Path.Combine(Folder.Path, "7.sock")));
        other.Listen();
        Task<IReadOnlyList<AskedProgram>> asked = AskAllAsync();
        using (Socket peer = await other.AcceptAsync())
        {
            await peer.SendAsync("hello"u8.ToArray());
        }

        (await asked.Within()).Should().Equal(new AskedProgram(7, Path.Combine(Folder.Path, "7.sock"), null));
    }

    private ControlSocket Open() => ControlSocket.Open(Folder, EchoAsync, _time);

    private static Task<ControlAnswer> EchoAsync(ControlRequest request, CancellationToken cancel) =>
        Task.FromResult(new ControlAnswer(Result: JsonSerializer.SerializeToElement($"you said {request.Command}")));

    private Task<IReadOnlyList<AskedProgram>> AskAllAsync() => ControlClient.AskAllAsync([Folder], new ControlRequest("status"), TimeProvider.System);

    private static async Task FillAsync(Func<Task> connect, int most)
    {
        for (int i = 0; i < most; i++)
        {
            await connect();
        }
    }

    private async Task<Socket> ConnectAsync()
    {
        var peer = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await peer.ConnectAsync(new UnixDomainSocketEndPoint(Own));
        return peer;
    }

    // The code of the answer. What is sent beyond what is read may break the connection.
    private async Task<string> SpeakAsync(byte[] bytes)
    {
        using Socket peer = await ConnectAsync();
        await peer.SendAsync(bytes.AsMemory(0, Math.Min(bytes.Length, ControlSocket.MostRequestBytes)));
        byte[] answer = new byte[1024];
        int length = await peer.ReceiveAsync(answer.AsMemory()).AsTask().Within();
        return JsonDocument.Parse(answer.AsMemory(0, length)).RootElement.GetProperty("code").GetString()!;
    }
}
