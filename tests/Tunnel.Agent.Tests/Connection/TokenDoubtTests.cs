using Microsoft.Extensions.Time.Testing;
using Tunnel.Agent.Connection;

namespace Tunnel.Agent.Tests.Connection;

public sealed class TokenDoubtTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly TokenDoubt _doubt;

    public TokenDoubtTests() => _doubt = new TokenDoubt(_clock);

    [Fact]
    public void Token_ThatNeverWorked_IsRefusedForGood() => _doubt.Refused().Should().BeNull();

    [Fact]
    public void Token_ThatWorked_IsShownSixTimesInTenMinutes()
    {
        _doubt.Accepted();
        var shown = new List<TimeSpan>();
        DateTimeOffset began = _clock.GetUtcNow();
        TimeSpan? wait = TimeSpan.Zero;
        while (wait is { } time)
        {
            _clock.Advance(time);
            _doubt.WaitAsync(CancellationToken.None).IsCompletedSuccessfully.Should().BeTrue();
            shown.Add(_clock.GetUtcNow() - began);
            wait = _doubt.Refused();
        }

        shown.Should().HaveCount(6);
        shown[^1].Should().Be(TimeSpan.FromMinutes(10));
        shown.Count(at => at < TimeSpan.FromMinutes(1)).Should().Be(3, "they are one line in the server's log");
    }

    [Fact]
    public async Task Sessions_InDoubt_ShowItOneAtATime()
    {
        _doubt.Accepted();
        _doubt.Refused().Should().NotBeNull();
        Task[] waiting = [.. Enumerable.Range(0, 8).Select(_ => _doubt.WaitAsync(CancellationToken.None))];
        waiting.Should().OnlyContain(wait => !wait.IsCompleted);

        _clock.Advance(TimeSpan.FromSeconds(20));
        await Task.WhenAny(waiting);
        Task first = waiting.Single(wait => wait.IsCompleted);
        _doubt.Accepted();
        _clock.Advance(TimeSpan.FromSeconds(20));
        await Task.WhenAll(waiting);

        first.IsCompletedSuccessfully.Should().BeTrue();
    }

    [Fact]
    public void Refusals_OfSessionsThatDialledBeforeTheDoubt_CountAsOne()
    {
        _doubt.Accepted();
        for (int i = 0; i < 64; i++)
        {
            _doubt.Refused().Should().Be(TimeSpan.FromSeconds(20));
        }
    }

    [Fact]
    public void Token_TakenAgain_IsInNoDoubt()
    {
        _doubt.Accepted();
        _doubt.Refused();
        _doubt.Accepted();

        _doubt.WaitAsync(CancellationToken.None).IsCompletedSuccessfully.Should().BeTrue();
        _doubt.Refused().Should().Be(TimeSpan.FromSeconds(20), "it begins anew");
    }
}
