using System.Buffers;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Tunnel.Hosting;
using Tunnel.Hosting.Files;

namespace Tunnel.Server.Diagnostics;

/// <summary>
/// The access log (<c>--access-log</c>): lines are formatted where the request or raw connection ends and written by a task of
/// its own, so that a slow disk or pipe never holds up anybody. What it cannot take is dropped and counted. A file that was
/// moved away is opened anew.
/// </summary>
internal sealed class AccessLog : IAsyncDisposable
{
    /// <summary>Lines that may wait to be written.</summary>
    private const int MostWaiting = 16 * 1024;

    private const int BatchBytes = 64 * 1024;

    /// <summary>What waits when the server stops is written within this, or lost.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private readonly Channel<byte[]> _lines = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(MostWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly bool _isJson;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly RareLine _rareDrop;
    private readonly RareLine _rareEnd;
    private readonly Task _writing;
    private long _dropped;
    private int _underWay;
    private volatile bool _mustReopen;

    // The writing task's alone.
    private AppendFile _file;
    private bool _isTorn;
    private long _lookedAt;
    private long _told;

    /// <param name="file">Taken over; closed on dispose.</param>
    public AccessLog(AppendFile file, bool isJson, ILogger log, TimeProvider time)
    {
        _file = file;
        _isJson = isJson;
        _log = log;
        _time = time;
        _lookedAt = time.GetTimestamp();
        _rareDrop = new RareLine(time);
        _rareEnd = new RareLine(time);
        _writing = Task.Run(WriteAsync);
    }

    private delegate void Format<T>(ArrayBufferWriter<byte> line, in T entry)
        where T : allows ref struct;

    /// <summary>Lines that were dropped because writing did not keep up or failed.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Opens a file to append to, or standard output for <c>-</c>.</summary>
    /// <exception cref="ArgumentException">The file cannot be written; the message says why.</exception>
    public static AppendFile Open(string path)
    {
        try
        {
            return path == "-" ? AppendFile.StandardOutput() : AppendFile.Open(path);
        }
        catch (OutsideFileException error)
        {
            throw new ArgumentException($"--access-log: {error.Message}", error);
        }
    }

    public void Add(in AccessEntry entry) => Add(entry, AccessLogFormat.WriteJson, AccessLogFormat.WriteText);

    public void Add(in RawEntry entry) => Add(entry, AccessLogFormat.WriteJson, AccessLogFormat.WriteText);

    /// <summary>What comes from here on goes to the file that the path now means.</summary>
    public void Reopen()
    {
        _mustReopen = true;

        // Wakes the writer. When there is no room for it, the writer is awake.
        _lines.Writer.TryWrite([]);
    }

    /// <summary>Writes what waits, then closes the file. Whoever does not take it in time loses it.</summary>
    public async ValueTask DisposeAsync()
    {
        _lines.Writer.TryComplete();
        try
        {
            await _writing.WaitAsync(StopTime, _time);
            _file.Dispose();
        }
        catch (TimeoutException)
        {
            // The write that hangs keeps the file open until the process ends.
            Interlocked.Add(ref _dropped, _lines.Reader.Count + Volatile.Read(ref _underWay));
        }

        if (Dropped > Interlocked.Read(ref _told))
        {
            ServerLog.AccessLogLost(_log, Dropped);
        }
    }

    private void Add<T>(in T entry, Format<T> json, Format<T> text)
        where T : allows ref struct
    {
        var line = new ArrayBufferWriter<byte>(256);
        (_isJson ? json : text)(line, entry);
        if (!_lines.Writer.TryWrite(line.WrittenSpan.ToArray()))
        {
            Drop(1, "the disk or pipe does not keep up");
        }
    }

    private async Task WriteAsync()
    {
        var batch = new ArrayBufferWriter<byte>(BatchBytes);
        while (await _lines.Reader.WaitToReadAsync())
        {
            int lines = 0;
            while (batch.WrittenCount < BatchBytes && _lines.Reader.TryRead(out byte[]? line))
            {
                batch.Write(line);
                lines += line.Length > 0 ? 1 : 0;
            }

            Volatile.Write(ref _underWay, lines);
            ReopenIfMoved();
            Write(batch.WrittenSpan, lines);
            Volatile.Write(ref _underWay, 0);
            batch.ResetWrittenCount();
        }
    }

    private void Write(ReadOnlySpan<byte> batch, int lines)
    {
        // Half a line, from a disk that was full, must not run into the next one.
        if (_isTorn && _file.Write("\n"u8, out string? fault) == 0)
        {
            Drop(lines, fault!);
            return;
        }

        int taken = _file.Write(batch, out fault);
        _isTorn = taken > 0 && batch[taken - 1] != '\n';
        if (fault is not null)
        {
            // A full disk must not end the log for good: these lines are lost, the next ones are tried again.
            Drop(lines - batch[..taken].Count((byte)'\n'), fault);
        }
        else if (lines > 0 && Dropped > _told && _rareEnd.IsDue())
        {
            Interlocked.Exchange(ref _told, Dropped);
            ServerLog.AccessLogLost(_log, _told);
        }
    }

    private void ReopenIfMoved()
    {
        bool mustReopen = _mustReopen;
        if (!mustReopen && _time.GetElapsedTime(_lookedAt) < LookEvery)
        {
            return;
        }

        _lookedAt = _time.GetTimestamp();
        _mustReopen = false;
        if (!mustReopen && !_file.HasMoved)
        {
            return;
        }

        try
        {
            AppendFile fresh = _file.Reopen();
            if (fresh != _file)
            {
                _file.Dispose();
                _file = fresh;
                _isTorn = false;
            }
        }
        catch (OutsideFileException error) when (mustReopen || _rareDrop.IsDue())
        {
            ServerLog.AccessLogNotReopened(_log, error.Message);
        }
        catch (OutsideFileException)
        {
            // Said a moment ago; the old file is written on.
        }
    }

    private void Drop(int lines, string reason)
    {
        long dropped = Interlocked.Add(ref _dropped, lines);
        if (lines > 0 && _rareDrop.IsDue())
        {
            ServerLog.AccessLogDropped(_log, dropped, reason);
        }
    }
}
