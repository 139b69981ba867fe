using Tunnel.Server.Guards;

namespace Tunnel.Server.Tests.Guards;

public sealed class FairTurnsTests
{
    private readonly FairTurns _turns = new(atOnce: 1);
    private readonly List<string> _order = [];

    [Fact]
    public async Task Turns_GoRoundTenantsAndTheirGuards()
    {
        FairTurns.Share[] guards = [new("mallory"), new("mallory"), new("alice"), new("bob")];
        string[] names = ["m1", "m2", "a", "b"];
        (await _turns.TakeAsync(new FairTurns.Share("first"))).Should().BeTrue();
        var waiting = new List<Task>();
        foreach (int guard in new[] { 0, 0, 0, 0, 1, 1, 2, 2, 3 })
        {
            waiting.Add(WorkAsync(guards[guard], names[guard]));
        }

        _turns.Release();
        await Task.WhenAll(waiting);

        _order.Should().Equal("m1", "a", "b", "m2", "a", "m1", "m2", "m1", "m1");
    }

    [Fact]
    public async Task Guard_WithAFullRow_LeavesRoomToOthers()
    {
        await _turns.TakeAsync(new FairTurns.Share("first"));
        var flooded = new FairTurns.Share("alice");
        Task<bool>[] row = [.. Enumerable.Range(0, FairTurns.MostOfOne).Select(_ => _turns.TakeAsync(flooded))];

        (await _turns.TakeAsync(flooded)).Should().BeFalse();
        Task<bool> other = _turns.TakeAsync(new FairTurns.Share("bob"));
        _turns.Release();
        _turns.Release();

        (await other).Should().BeTrue("it is behind one of them, not behind all");
        row.Count(turn => turn.IsCompleted).Should().Be(1);
    }

    [Fact]
    public async Task Room_ThatIsFull_IsMadeByTheLongestRow()
    {
        await _turns.TakeAsync(new FairTurns.Share("first"));
        List<(FairTurns.Share Share, Task<bool> Turn)> rows = [];
        for (int i = 0; i < FairTurns.Most / FairTurns.MostOfOne; i++)
        {
            var share = new FairTurns.Share($"t{i}");
            rows.AddRange(Enumerable.Range(0, FairTurns.MostOfOne).Select(_ => (share, _turns.TakeAsync(share))));
        }

        Task<bool> late = _turns.TakeAsync(new FairTurns.Share("late"));

        late.IsCompleted.Should().BeFalse("it has a place");
        rows.Count(row => row.Turn.IsCompleted).Should().Be(1);
        (await rows.Single(row => row.Turn.IsCompleted).Turn).Should().BeFalse();
    }

    private async Task WorkAsync(FairTurns.Share share, string name)
    {
        (await _turns.TakeAsync(share)).Should().BeTrue();
        lock (_order)
        {
            _order.Add(name);
        }

        _turns.Release();
    }
}
