using Tunnel.TestSupport;

namespace Tunnel.Transport.Tests.Support;

public sealed class MemoryLinkTests
{
    [Fact]
    public async Task Link_TextBothWays_ArrivesAndEachDirectionEndsByItself()
    {
        var link = new MemoryLink();
        await link.A.Output.SendAsync("down");
        await link.A.Output.CompleteAsync();
        (await link.B.Input.TakeAllAsync()).Should().Equal("down"u8.ToArray());
        await link.B.Output.SendAsync("up");
        (await link.A.Input.TakeTextAsync(2)).Should().Be("up");
    }

    [Fact]
    public async Task Flush_AtTheBound_WaitsForTheReader()
    {
        var link = new MemoryLink(new MemoryLinkOptions { PauseAt = 8 });
        var flushing = link.A.Output.WriteAsync(new byte[8]).AsTask();
        flushing.IsCompleted.Should().BeFalse();
        await link.B.Input.TakeAsync(8);
        await flushing.Within();
    }

    [Fact]
    public async Task Cut_InOrder_DeliversWhatIsOnTheWayAndThenTheEnd()
    {
        var link = new MemoryLink();
        var waiting = link.A.Input.ReadAsync().AsTask();
        await link.A.Output.SendAsync("last words");
        link.Cut();
        (await waiting.Within()).IsCompleted.Should().BeTrue();
        (await link.B.Input.TakeAllAsync()).Should().Equal("last words"u8.ToArray());
        (await link.A.Output.WriteAsync(new byte[1]).Within()).IsCompleted.Should().BeTrue();
        await link.WhenCut.Within();
    }

    [Fact]
    public async Task Cut_WithAnError_FailsEveryCall()
    {
        var link = new MemoryLink(new MemoryLinkOptions { PauseAt = 4 });
        await link.B.Output.SendAsync("x");
        var flushing = link.A.Output.WriteAsync(new byte[4]).AsTask();
        var reading = link.A.Input.TakeAsync(5);
        link.Cut(new IOException("cable"));
        link.Cut(new IOException("too late"));
        await Fails(flushing);
        await Fails(reading);
        await Fails(link.B.Input.ReadAsync().AsTask());
        await Fails(link.B.Output.WriteAsync(new byte[1]).AsTask());

        static async Task Fails(Task task)
        {
            var wait = async () => await task.Within();
            (await wait.Should().ThrowAsync<IOException>()).WithMessage("cable");
        }
    }

    [Fact]
    public async Task CancelPendingRead_OfALink_IsNotTakenForACut()
    {
        var link = new MemoryLink();
        var waiting = link.A.Input.ReadAsync().AsTask();
        link.A.Input.CancelPendingRead();
        var result = await waiting.Within();
        result.IsCanceled.Should().BeTrue();
        result.IsCompleted.Should().BeFalse();
    }
}
