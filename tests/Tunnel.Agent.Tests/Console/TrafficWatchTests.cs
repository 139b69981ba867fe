using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Agent.Console;
using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;

namespace Tunnel.Agent.Tests.Console;

public sealed class TrafficWatchTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Recent_MoreThanAreKept_AreTheLatest()
    {
        var watch = new TrafficWatch(_time);
        for (int i = 0; i < TrafficWatch.MostRecent + 7; i++)
        {
            Play(watch, $"GET /{i} HTTP/1.1\r\n");
        }

        watch.Recent().Should().HaveCount(TrafficWatch.MostRecent);
        watch.Recent()[0].Target.Should().Be($"/{TrafficWatch.MostRecent + 6}");
        watch.Recent()[^1].Target.Should().Be("/7");
        watch.Of(1).Read().Total.Should().Be(TrafficWatch.MostRecent + 7);
    }

    [Fact]
    public void Keep_ForgetsOtherTunnels()
    {
        var watch = new TrafficWatch(_time);
        Play(watch, "GET / HTTP/1.1\r\n");
        watch.Keep([1]);
        watch.Of(1).Read().Total.Should().Be(1);
        watch.Keep([2]);
        watch.Of(1).Read().Total.Should().Be(0);
    }

    [Theory]
    [InlineData("GET /a HTTP/1.1\r\n", "GET", "/a")]
    [InlineData("PROPFIND /a\u001b[2J\u009b HTTP/1.1\r\n", "PROPFIND", "/a?[2J?")]
    [InlineData("POST /half", "POST", "/half")]
    [InlineData("NOSPACE", "", "")]
    public void Request_Line_IsKeptPrintable(string line, string method, string target)
    {
        var watch = new TrafficWatch(_time);
        Play(watch, line);
        watch.Recent().Single().Should().Match<WatchedExchange>(exchange => exchange.Method == method && exchange.Target == target);
    }

    [Fact]
    public void Request_WithALongTarget_IsCut()
    {
        var watch = new TrafficWatch(_time);
        Play(watch, $"OPTIONS /{new string('x', 5000)} HTTP/1.1\r\n");
        watch.Recent().Single().Target.Should().HaveLength(WatchedExchange.MostTarget);
    }

    [Fact]
    public void Figures_OfTimesAndRates_AreOfTheLastOnes()
    {
        var traffic = new TunnelTraffic(_time);
        for (int i = 1; i <= TunnelTraffic.MostTimes + 100; i++)
        {
            traffic.Began();
            traffic.Ended(TimeSpan.FromMilliseconds(i <= 100 ? 60_000 : (i - 100) / 2.56));
        }

        traffic.Read().Median!.Value.TotalMilliseconds.Should().BeApproximately(50, 1);
        traffic.Read().Slow!.Value.TotalMilliseconds.Should().BeApproximately(90, 1);
        traffic.Read().Rate.Should().Be((TunnelTraffic.MostTimes + 100) / 10.0);
        _time.Advance(TimeSpan.FromSeconds(9));
        traffic.Began();
        traffic.Read().Rate.Should().Be((TunnelTraffic.MostTimes + 101) / 10.0);
        _time.Advance(TimeSpan.FromSeconds(1));
        traffic.Read().Should().Match<TrafficFigures>(figures => figures.Rate == 0.1 && figures.Open == 1);
        _time.Advance(TimeSpan.FromDays(400));
        traffic.Read().Rate.Should().Be(0);
    }

    [Fact]
    public void Notes_MoreThanAreKept_AreTheLatestAndRepeatedOnesOne()
    {
        using var notes = new ConsoleNotes(_time);
        for (int i = 0; i < ConsoleNotes.Most + 2; i++)
        {
            notes.Add(LogLevel.Warning, i, $"line {i}");
            notes.Add(LogLevel.Warning, i, $"line {i} again\u001b[2J\n");
        }

        notes.Read().Should().HaveCount(ConsoleNotes.Most);
        notes.Read().Select(note => note.Text).Should().OnlyContain(text => text.EndsWith("again?[2J?", StringComparison.Ordinal));
        notes.Read()[^1].Text.Should().StartWith($"line {ConsoleNotes.Most + 1}");
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "1.0 KB")]
    [InlineData(102_400, "100 KB")]
    [InlineData(1_048_575, "1.0 MB")]
    [InlineData(long.MaxValue, "8192 PB")]
    public void Size_OfAnyNumber_IsShort(long bytes, string text) => Figures.Size(bytes).Should().Be(text);

    [Theory]
    [InlineData(0.04, "0.0 ms")]
    [InlineData(9.96, "10 ms")]
    [InlineData(999.6, "1.0 s")]
    [InlineData(99_960, "2 min")]
    [InlineData(360_000_000, "100 h")]
    public void Time_OfAnyLength_IsShort(double milliseconds, string text) => Figures.Time(TimeSpan.FromMilliseconds(milliseconds)).Should().Be(text);

    private static void Play(TrafficWatch watch, string start)
    {
        IExchangeObserver observer = watch.Begin(new OpenHeader(StreamType.Http, VisitorScheme.Http, 1, default, 65_536));
        observer.OnRequest(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(start)));
        observer.OnEnded(null);
    }
}
