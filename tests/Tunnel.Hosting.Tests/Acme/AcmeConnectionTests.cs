using Tunnel.Hosting.Acme;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Acme;

/// <summary>A CA that is hostile, or something else that answers in its place.</summary>
public sealed class AcmeConnectionTests
{
    private const string Head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";

    [Theory]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", AcmeFault.Nonsense, "status 302")]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\noops", AcmeFault.Nonsense, "status 404")]
    [InlineData("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", AcmeFault.Unreachable, "status 502")]
    [InlineData("SSH-2.0-OpenSSH\r\n", AcmeFault.Unreachable, "cannot be reached")]
    [InlineData(Head + "Content-Length: 2\r\n\r\n{}", AcmeFault.Nonsense, "newNonce")]
    [InlineData(Head + "Content-Length: 100\r\n\r\n{}", AcmeFault.Unreachable, "cannot be reached")]
    public async Task Answer_ThatIsNoDirectory_IsSaidToBeNone(string answer, AcmeFault fault, string says)
    {
        await using var server = new ScriptedOrigin(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(answer);
            connection.EndSending();
        });
        AcmeException error = await FailAsync(server.Port);
        error.Fault.Should().Be(fault);
        error.Message.Should().Contain(says);
    }

    [Fact]
    public async Task Answer_WithoutEnd_IsGivenUpAtItsLimit()
    {
        long sent = 0;
        await using var server = new ScriptedOrigin(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync(Head + "\r\n");
            while (true)
            {
                await connection.WriteAsync(new string(' ', 64 * 1024));
                sent += 64 * 1024;
            }
        });
        AcmeException error = await FailAsync(server.Port);
        (error.Fault, error.Message).Should().Be((AcmeFault.Nonsense, $"The CA's answer is larger than {AcmeConnection.MostBytes} bytes."));
        sent.Should().BeLessThan(64 * 1024 * 1024);
    }

    [Fact]
    public async Task Answer_ThatNeverComes_IsGivenUpInTime()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new ScriptedOrigin(async connection =>
        {
            await connection.ReadHeadAsync();
            asked.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, connection.Stopped);
        });
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        Task<AcmeException> failing = FailAsync(server.Port, time);
        await asked.Task.Within();
        time.Advance(TimeSpan.FromSeconds(31));
        (await failing.Within()).Message.Should().Contain("did not answer within 30 s");
    }

    private static async Task<AcmeException> FailAsync(int port, TimeProvider? time = null)
    {
        using var connection = new AcmeConnection(new Uri($"http://127.0.0.1:{port}/dir"), "test/1", null, time ?? TimeProvider.System);
        return (await FluentActions.Awaiting(() => AcmeClient.ReadDirectoryAsync(connection, CancellationToken.None)).Should().ThrowAsync<AcmeException>()).Which;
    }
}
