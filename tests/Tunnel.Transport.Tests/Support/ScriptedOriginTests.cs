using System.Text;
using Tunnel.TestSupport;

namespace Tunnel.Transport.Tests.Support;

public sealed class ScriptedOriginTests
{
    [Fact]
    public async Task Origin_WithAScript_PlaysItForEachConnection()
    {
        await using var origin = new ScriptedOrigin(async connection =>
        {
            while (await connection.ReadHeadAsync() is { } head)
            {
                var length = head.Contains("POST", StringComparison.Ordinal) ? 4 : 0;
                var body = Encoding.ASCII.GetString(await connection.ReadExactlyAsync(length));
                await connection.WriteAsync($"{connection.Number} {head.Split(' ')[0]} {body}\r\n");
            }
        });
        using var one = await ScriptedConnection.ConnectAsync(origin.Port);
        using var two = await ScriptedConnection.ConnectAsync(origin.Port);
        await one.WriteAsync("POST / HTTP/1.1\r\n\r\nbodyGET / HTTP/1.1\r\n\r\n");
        (await one.ReadLineAsync().Within()).Should().EndWith("POST body");
        (await one.ReadLineAsync().Within()).Should().EndWith("GET ");
        one.EndSending();
        (await one.ReadToEndAsync().Within()).Should().BeEmpty();
        await origin.Accepted.WhenAsync(2);
        await origin.Ended.WhenAsync(1);
    }

    [Fact]
    public async Task Origin_ThatResets_IsSeenAsAReset()
    {
        await using var origin = new ScriptedOrigin(async connection =>
        {
            await connection.ReadSomeAsync();
            connection.Reset();
        });
        using var client = await ScriptedConnection.ConnectAsync(origin.Port);
        await client.WriteAsync("?");
        var read = async () => await client.ReadToEndAsync().Within();
        await read.Should().ThrowAsync<IOException>();
    }

    [Fact]
    public async Task Dispose_WithAHandlerWaiting_EndsIt()
    {
        var origin = new ScriptedOrigin(async connection => await connection.ReadSomeAsync());
        using var client = await ScriptedConnection.ConnectAsync(origin.Port);
        await origin.Accepted.WhenAsync(1);
        await origin.DisposeAsync().Within();
        origin.OpenCount.Should().Be(0);
    }

    [Fact]
    public async Task Dispose_AfterAHandlerFailed_TellsTheTest()
    {
        var origin = new ScriptedOrigin(_ => throw new InvalidOperationException("a wrong expectation"));
        using var client = await ScriptedConnection.ConnectAsync(origin.Port);
        await origin.Ended.WhenAsync(1);
        var dispose = async () => await origin.DisposeAsync();
        await dispose.Should().ThrowAsync<InvalidOperationException>().WithMessage("a wrong expectation");
    }

    [Fact]
    public void ProgramFact_OfAProgramThatIsMissing_SkipsWithItsName()
    {
        new ProgramFactAttribute("no-such-program").Skip.Should().Contain("no-such-program");
        new ProgramFactAttribute("dotnet").Skip.Should().BeNull();
    }

    [Fact]
    public async Task Eventually_OfSomethingThatNeverHappens_NamesIt()
    {
        var wait = () => Eventually.TrueAsync(() => false, TimeSpan.FromMilliseconds(20), "the impossible");
        (await wait.Should().ThrowAsync<TimeoutException>()).WithMessage("*the impossible*");
    }

    [Fact]
    public async Task Within_OfATaskThatHangs_NamesIt()
    {
        var never = new TaskCompletionSource();
        var wait = () => never.Task.Within(TimeSpan.FromMilliseconds(20));
        (await wait.Should().ThrowAsync<TimeoutException>()).WithMessage("*never.Task*");
    }
}
