using System.Buffers;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Tunnel.Hosting;

namespace Tunnel.Server.Diagnostics;

/// <summary>
/// The access log (<c>--access-log</c>): lines are formatted where the request or raw connection ends and written by a task of
/// its own, so that a slow disk or pipe never holds up anybody. What it cannot take is dropped and counted.
/// </summary>
internal sealed class AccessLog : IAsyncDisposable
{
    /// <summary>Lines that may wait to be written.</summary>
    private const int MostWaiting = 16 * 1024;

    private readonly Channel<byte[]> _lines = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(MostWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly Stream _output;
    private readonly bool _isJson;
    private readonly ILogger _log;
    private readonly RareLine _rareDrop;
    private readonly Task _writing;
    private long _dropped;

    /// <param name="output">Taken over; closed on dispose.</param>
    public AccessLog(Stream output, bool isJson, ILogger log, TimeProvider time)
    {
        _output = output;
        _isJson = isJson;
        _log = log;
        _rareDrop = new RareLine(time);
        _writing = Task.Run(WriteAsync);
    }

    private delegate void Format<T>(ArrayBufferWriter<byte> line, in T entry)
        where T : allows ref struct;

    /// <summary>Lines that were dropped because writing did not keep up or failed.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Opens a file to append to, or standard output for <c>-</c>.</summary>
    /// <exception cref="ArgumentException">The file cannot be written; the message says why.</exception>
    public static Stream Open(string path)
    {
        if (path == "-")
        {
            return Console.OpenStandardOutput();
        }

        try
        {
            return new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1, useAsync: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ArgumentException($"--access-log: {error.Message}", error);
        }
    }

    public void Add(in AccessEntry entry) => Add(entry, AccessLogFormat.WriteJson, AccessLogFormat.WriteText);

    public void Add(in RawEntry entry) => Add(entry, AccessLogFormat.WriteJson, AccessLogFormat.WriteText);

    /// <summary>Writes what waits, then closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _lines.Writer.TryComplete();
        await _writing;
        await _output.DisposeAsync();
    }

    private void Add<T>(in T entry, Format<T> json, Format<T> text)
        where T : allows ref struct
    {
        var line = new ArrayBufferWriter<byte>(256);
        (_isJson ? json : text)(line, entry);
        if (!_lines.Writer.TryWrite(line.WrittenSpan.ToArray()))
        {
            Drop("the disk or pipe does not keep up");
        }
    }

    private async Task WriteAsync()
    {
        var batch = new ArrayBufferWriter<byte>(64 * 1024);
        while (await _lines.Reader.WaitToReadAsync())
        {
            while (batch.WrittenCount < 64 * 1024 && _lines.Reader.TryRead(out byte[]? line))
            {
                batch.Write(line);
            }

            try
            {
                await _output.WriteAsync(batch.WrittenMemory);
                await _output.FlushAsync();
            }
            catch (IOException error)
            {
                // A full disk must not end the log for good: these lines are lost, the next ones are tried again.
                Drop(error.Message);
            }

            batch.ResetWrittenCount();
        }
    }

    private void Drop(string reason)
    {
        long dropped = Interlocked.Increment(ref _dropped);
        if (_rareDrop.IsDue())
        {
            ServerLog.AccessLogDropped(_log, dropped, reason);
        }
    }
}
