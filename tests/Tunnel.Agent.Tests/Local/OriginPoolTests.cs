using System.IO.Pipelines;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Agent.Local;
using Tunnel.Framing.Flow;
using Tunnel.Hosting;
using Tunnel.Http.Heads;
using Tunnel.TestSupport;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Tests.Local;

public sealed class OriginPoolTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private readonly Tally _speak = new();
    private readonly LeakCheckingPool _memory = new();
    private ScriptedOrigin _origin = null!;
    private DeadlineClock _clock = null!;
    private OriginPool _pool = null!;

    public Task InitializeAsync()
    {
        _origin = new ScriptedOrigin(async connection =>
        {
            if (connection.Number == 1)
            {
                await _speak.WhenAsync(1);
                await connection.WriteAsync("out of turn");
            }

            await connection.ReadToEndAsync();
        });
        _clock = new DeadlineClock(_time);
        var plan = new MemoryPlan();
        _pool = new OriginPool(
            new OriginOptions { Host = "127.0.0.1", Port = _origin.Port }, "http", new OriginMemory(_memory, new ProcessMemory(plan.Limit), plan), _time, _clock, NullLogger.Instance);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _pool.DisposeAsync();
        _pool.Count.Should().Be(0);
        _clock.Count.Should().Be(0);
        await _clock.DisposeAsync();
        _speak.Add();
        await _origin.DisposeAsync();
        _memory.Dispose();
    }

    [Fact]
    public async Task Connection_ThatCameBack_IsTakenAgain()
    {
        OriginConnection connection = await _pool.OpenAsync(default, CancellationToken.None);
        _pool.TryTake(mayRepeat: true).Should().BeNull("nothing is idle");
        _pool.Return(connection, default);
        _pool.TryTake(mayRepeat: true).Should().BeSameAs(connection);
        connection.IsReused.Should().BeTrue();
        _pool.Return(connection, default);
        _pool.TryTake(mayRepeat: false).Should().BeSameAs(connection);
        _pool.Discard(connection);
    }

    [Fact]
    public async Task Connection_IdleForASecond_IsNotTrustedWithWhatCannotBeRepeated()
    {
        OriginConnection connection = await _pool.OpenAsync(default, CancellationToken.None);
        _pool.Return(connection, default);
        _time.Advance(TimeSpan.FromSeconds(1));
        _pool.TryTake(mayRepeat: false).Should().BeNull();
        _pool.TryTake(mayRepeat: true).Should().BeSameAs(connection);
        _pool.Discard(connection);
    }

    [Fact]
    public async Task Connection_ThatSpokeOutOfTurn_IsNotKeptAndNotTaken()
    {
        OriginConnection first = await _pool.OpenAsync(default, CancellationToken.None);
        _pool.Return(first, default);
        _speak.Add();
        await Eventually.TrueAsync(() => !first.IsQuiet(isSure: true));
        _pool.TryTake(mayRepeat: true).Should().BeNull();
        await _origin.Ended.WhenAsync(1);
        _pool.Count.Should().Be(0);
    }

    [Fact]
    public async Task Connection_WithBytesLeftBehindAnAnswer_IsNotKept()
    {
        OriginConnection first = await _pool.OpenAsync(default, CancellationToken.None);
        _speak.Add();
        ReadResult read = await first.Input.ReadAtLeastAsync(11).AsTask().Within();
        first.Input.AdvanceTo(read.Buffer.GetPosition(3));
        first.IsQuiet(isSure: false).Should().BeFalse();
        _pool.Return(first, default);
        _pool.TryTake(mayRepeat: true).Should().BeNull();
        await _origin.Ended.WhenAsync(1);
    }

    [Fact]
    public async Task Hint_OfNoPatience_ClosesAtOnce()
    {
        OriginConnection connection = await _pool.OpenAsync(default, CancellationToken.None);
        _pool.Return(connection, new KeepAliveHint(0, null));
        _pool.TryTake(mayRepeat: true).Should().BeNull();
        await Eventually.TrueAsync(() => _pool.Count == 0);
    }

    [Fact]
    public async Task Connections_BeyondTheMostIdle_AreClosed()
    {
        OriginConnection[] all = await Task.WhenAll(
            Enumerable.Range(0, OriginPool.MostIdle + 6).Select(async _ => await _pool.OpenAsync(default, CancellationToken.None))).Within();
        foreach (OriginConnection connection in all)
        {
            _pool.Return(connection, default);
        }

        await Eventually.TrueAsync(() => _pool.Count == OriginPool.MostIdle);
        _time.Advance(TimeSpan.FromSeconds(4));
        await Eventually.TrueAsync(() => _pool.Count == 0);
    }

    [Fact]
    public async Task Answer_ThatIsLate_EndsTheConnection_ButNotAfterItBegan()
    {
        OriginConnection late = await _pool.OpenAsync(default, CancellationToken.None);
        OriginConnection inTime = await _pool.OpenAsync(default, CancellationToken.None);
        late.ExpectAnswer(TimeSpan.FromSeconds(5));
        inTime.Answered();
        inTime.ExpectAnswer(TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(10));
        late.IsLate.Should().BeTrue();
        Func<Task> read = async () => await late.Input.ReadAsync();
        await read.Should().ThrowAsync<ConnectionBrokenException>();
        inTime.IsLate.Should().BeFalse();
        _pool.Discard(late);
        _pool.Discard(inTime);
    }

    [Fact]
    public async Task Dial_ThatNobodyWaitsForAnyMore_IsGivenUp()
    {
        Func<Task> open = async () => await _pool.OpenAsync(default, new CancellationToken(canceled: true));
        await open.Should().ThrowAsync<OperationCanceledException>();
        _pool.Count.Should().Be(0);
    }
}
