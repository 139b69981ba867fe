using Microsoft.Extensions.Time.Testing;

namespace Tunnel.Hosting.Tests;

public sealed class MemoryAtRestTests
{
    private readonly FakeTimeProvider _time = new();
    private long _allocated;
    private int _collections;

    [Fact]
    public void QuietProgram_AfterItsStart_CollectsOnce()
    {
        using MemoryAtRest watch = Begin();
        _allocated = MemoryAtRest.Worthwhile;
        Pass();
        _collections.Should().Be(0, "it was at work until now");
        Pass();
        _collections.Should().Be(1);
        for (int i = 0; i < 10; i++)
        {
            _allocated += MemoryAtRest.Little - 1;
            Pass();
        }

        _collections.Should().Be(1, "what little it allocated is not worth it");
    }

    [Fact]
    public void BusyProgram_IsLeftAlone_UntilItIsQuietAgain()
    {
        using MemoryAtRest watch = Begin();
        for (int i = 0; i < 10; i++)
        {
            _allocated += MemoryAtRest.Worthwhile;
            Pass();
        }

        _collections.Should().Be(0);
        Pass();
        _collections.Should().Be(1);
        _allocated += MemoryAtRest.Worthwhile;
        Pass();
        Pass();
        _collections.Should().Be(2);
    }

    [Fact]
    public void Dispose_EndsTheWatch()
    {
        Begin().Dispose();
        _allocated = MemoryAtRest.Worthwhile;
        Pass();
        Pass();
        _collections.Should().Be(0);
    }

    private MemoryAtRest Begin() => new(_time, () => _allocated, () => _collections++);

    private void Pass() => _time.Advance(MemoryAtRest.Period);
}
