using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Hosting.Files;
using Tunnel.Server.Diagnostics;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Diagnostics;

public sealed class AccessLogTests
{
    private static AccessEntry Entry(ReadOnlySpan<byte> target, string? error = null) => new()
    {
        Time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero),
        Visitor = "203.0.113.7",
        Host = "demo.tunnel.test"u8,
        Method = "GET"u8,
        Target = target,
        Status = 200,
        BytesIn = 1,
        BytesOut = 2345,
        Routing = TimeSpan.FromMilliseconds(0.25),
        Answering = TimeSpan.FromMilliseconds(12),
        Total = TimeSpan.FromMilliseconds(12.5),
        Error = error,
        Token = "laptop",
        RequestId = "0123456789abcdef"u8,
    };

    [Fact]
    public void WriteText_AnEntry_IsOneLine()
    {
        var output = new ArrayBufferWriter<byte>();

        AccessLogFormat.WriteText(output, Entry("/a?b=c"u8));

        Encoding.UTF8.GetString(output.WrittenSpan).Should().Be(
            "2026-01-02T03:04:05.678Z 203.0.113.7 demo.tunnel.test \"GET /a?b=c\" 200 in=1 out=2345 routing=0.25 answer=12 total=12.5 error=- token=laptop id=0123456789abcdef\n");
    }

    private static RawEntry RawEntry(string name) => new()
    {
        Time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero),
        Visitor = "2001:db8::7",
        Kind = "tls",
        Name = name,
        BytesIn = 517,
        BytesOut = 123_456_789_012,
        Routing = TimeSpan.FromMilliseconds(0.25),
        Total = TimeSpan.FromHours(1),
        Token = null,
        End = RawEnds.Of(ResetCode.OriginRefused),
    };

    [Theory]
    [InlineData("/a\" 200 \"", "/a\\x22\\x20200\\x20\\x22")]
    [InlineData("/\r\n2026 forged", "/\\x0d\\x0a2026\\x20forged")]
    [InlineData("/\u001b[31m", "/\\x1b[31m")]
    [InlineData("/\\x22", "/\\x5cx22")]
    public void WriteText_HostileTarget_CannotLeaveItsField(string target, string expected)
    {
        var output = new ArrayBufferWriter<byte>();

        AccessLogFormat.WriteText(output, Entry(Encoding.Latin1.GetBytes(target)));

        string line = Encoding.UTF8.GetString(output.WrittenSpan);
        line.Should().Contain($"\"GET {expected}\" 200");
        line.Count(c => c == '\n').Should().Be(1);
    }

    [Fact]
    public void WriteJson_HostileTarget_ReadsBackAsItWas()
    {
        var output = new ArrayBufferWriter<byte>();

        AccessLogFormat.WriteJson(output, Entry("/\"\r\n\\\u001b"u8, "origin-refused"));

        string line = Encoding.UTF8.GetString(output.WrittenSpan);
        line.Count(c => c == '\n').Should().Be(1);
        JsonElement json = JsonDocument.Parse(line).RootElement;
        json.GetProperty("target").GetString().Should().Be("/\"\r\n\\\u001b");
        json.GetProperty("error").GetString().Should().Be("origin-refused");
        json.GetProperty("bytesOut").GetInt64().Should().Be(2345);
        json.GetProperty("token").GetString().Should().Be("laptop");
    }

    [Fact]
    public void WriteText_ARawConnection_IsOneLineThatAHostileNameCannotLeave()
    {
        var output = new ArrayBufferWriter<byte>();

        AccessLogFormat.WriteText(output, RawEntry("a b\n\"ü\".test"));

        Encoding.UTF8.GetString(output.WrittenSpan).Should().Be(
            "2026-01-02T03:04:05.678Z 2001:db8::7 a\\x20b\\x0a\\x22\\xfc\\x22.test tls in=517 out=123456789012 routing=0.25 total=3600000 token=- end=origin-refused\n");
    }

    [Fact]
    public void WriteJson_ARawConnection_ReadsBackAsItWas()
    {
        var output = new ArrayBufferWriter<byte>();

        AccessLogFormat.WriteJson(output, RawEntry("demo.tunnel.test"));

        Encoding.UTF8.GetString(output.WrittenSpan).Should().Be(
            """{"time":"2026-01-02T03:04:05.678Z","visitor":"2001:db8::7","kind":"tls","name":"demo.tunnel.test","bytesIn":517,"bytesOut":123456789012,"routingMs":0.25,"totalMs":3600000,"end":"origin-refused"}""" + "\n");
    }

    [Fact]
    public void RawEnds_OfEveryCodeAnAgentMaySend_AreWordsOfTheTable()
    {
        string[] words = ["origin-refused", "origin-reset", "origin-timeout", "session-lost", "too-busy", "tunnel-not-found", "internal-error"];

        Enum.GetValues<ResetCode>().Select(RawEnds.Of).Should().BeSubsetOf(words);
    }

    [Fact]
    public async Task Add_ManyLines_AllAreWrittenBeforeDisposeReturns()
    {
        using var written = new MemoryStream();
        var log = new AccessLog(AppendFile.To(new KeepOpen(written)), isJson: false, NullLogger.Instance, TimeProvider.System);
        for (int i = 0; i < 1000; i++)
        {
            log.Add(Entry("/"u8));
        }

        await log.DisposeAsync();

        Encoding.UTF8.GetString(written.ToArray()).Count(c => c == '\n').Should().Be(1000);
        log.Dropped.Should().Be(0);
    }

    [Fact]
    public async Task Add_WriterThatHangs_DropsInsteadOfWaiting()
    {
        using var stuck = new StuckStream();
        var log = new AccessLog(AppendFile.To(stuck), isJson: true, NullLogger.Instance, TimeProvider.System);
        for (int i = 0; i < 40_000; i++)
        {
            log.Add(Entry("/"u8));
        }

        log.Dropped.Should().BeGreaterThan(0);
        stuck.Release();
        await log.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_WriterThatHangs_EndsInTimeAndCountsEveryLine()
    {
        using var stuck = new StuckStream();
        var time = new FakeTimeProvider();
        var log = new AccessLog(AppendFile.To(stuck), isJson: true, NullLogger.Instance, time);
        log.Add(Entry("/"u8));
        await stuck.Entered.Within();
        for (int i = 0; i < 20_000; i++)
        {
            log.Add(Entry("/"u8));
        }

        Task end = log.DisposeAsync().AsTask();
        time.Advance(TimeSpan.FromSeconds(2));
        await end.Within();

        log.Dropped.Should().Be(20_001);
        stuck.Release();
    }

    [Fact]
    public async Task Write_DiskThatIsFull_CountsEachLineOnceAndSaysSoAgainAtTheEnd()
    {
        var logs = new RecordedLog();
        var log = new AccessLog(AppendFile.To(new FullStream()), isJson: true, logs, TimeProvider.System);
        for (int i = 0; i < 100; i++)
        {
            log.Add(Entry("/"u8));
        }

        await log.DisposeAsync();

        log.Dropped.Should().Be(100);
        logs.Lines.Should().ContainSingle(line => line.Contains("were lost: 100 in all"));
    }

    [LinuxFact]
    public async Task Add_AfterTheFileWasMoved_GoesToTheNewOne()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("access.log");
        var time = new FakeTimeProvider();
        var log = new AccessLog(AccessLog.Open(path), isJson: false, NullLogger.Instance, time);
        log.Add(Entry("/old"u8));
        await Eventually.TrueAsync(() => File.ReadAllText(path).Contains("/old"));
        File.Move(path, path + ".1");
        time.Advance(TimeSpan.FromSeconds(1));
        log.Add(Entry("/new"u8));
        await log.DisposeAsync();

        (await File.ReadAllTextAsync(path)).Should().Contain("/new").And.NotContain("/old");
        (await File.ReadAllTextAsync(path + ".1")).Should().Contain("/old").And.NotContain("/new");
    }

    [LinuxFact]
    public async Task Reopen_WithoutALine_MakesTheFileAtOnce()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("access.log");
        await using var log = new AccessLog(AccessLog.Open(path), isJson: false, NullLogger.Instance, TimeProvider.System);
        File.Move(path, path + ".1");

        log.Reopen();

        await Eventually.TrueAsync(() => File.Exists(path));
    }

    private sealed class StuckStream : MemoryStream
    {
        private readonly ManualResetEventSlim _released = new();
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Entered => _entered.Task;

        public void Release() => _released.Set();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _entered.TrySetResult();
            _released.Wait();
        }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            _released.Dispose();
        }
    }

    private sealed class FullStream : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("No space left on device");
    }

    private sealed class KeepOpen(MemoryStream inner) : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => inner.Write(buffer);
    }
}
