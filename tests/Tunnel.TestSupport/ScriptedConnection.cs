using System.Buffers;
using System.Net.Sockets;
using System.Text;

namespace Tunnel.TestSupport;

/// <summary>
/// One connection of a <see cref="ScriptedOrigin"/>, or of a test that plays the client: plain reads and writes, and
/// every way to end. Text is Latin-1, so that every byte has a character.
/// </summary>
public sealed class ScriptedConnection(Socket socket, int number, CancellationToken stopped) : IDisposable
{
    private readonly NetworkStream _stream = new(socket, ownsSocket: true);
    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    /// <summary>1 for the first connection of its origin.</summary>
    public int Number => number;

    /// <summary>Cancelled when the origin is disposed.</summary>
    public CancellationToken Stopped => stopped;

    public Socket Socket => socket;

    /// <summary>A client's connection to 127.0.0.1.</summary>
    public static async Task<ScriptedConnection> ConnectAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", port).Within();
        return new ScriptedConnection(socket, 0, CancellationToken.None);
    }

    /// <summary>A head with its closing CRLFCRLF; null when the peer ended before its first byte.</summary>
    /// <exception cref="EndOfStreamException">The peer ended in the middle.</exception>
    public async Task<string?> ReadHeadAsync()
    {
        for (var searched = 0; ;)
        {
            var at = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf("\r\n\r\n"u8);
            if (at >= 0)
            {
                return Take(searched + at + 4);
            }

            // The mark may lie across the border of what was searched and what comes.
            searched = Math.Max(0, _end - _start - 3);
            if (!await FillAsync())
            {
                return _start == _end ? null : throw new EndOfStreamException("The peer ended within a head.");
            }
        }
    }

    /// <summary>A line without its CRLF.</summary>
    /// <exception cref="EndOfStreamException">The peer ended before the line did.</exception>
    public async Task<string> ReadLineAsync()
    {
        while (true)
        {
            var at = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8);
            if (at >= 0)
            {
                return Take(at + 2)[..^2];
            }

            if (!await FillAsync())
            {
                throw new EndOfStreamException("The peer ended within a line.");
            }
        }
    }

    /// <exception cref="EndOfStreamException">The peer ended before.</exception>
    public async Task<byte[]> ReadExactlyAsync(int bytes)
    {
        while (_end - _start < bytes)
        {
            if (!await FillAsync())
            {
                throw new EndOfStreamException($"{_end - _start} of {bytes} bytes came.");
            }
        }

        var taken = _buffer.AsSpan(_start, bytes).ToArray();
        _start += bytes;
        return taken;
    }

    /// <summary>Whatever is there, at least one byte; empty at the end.</summary>
    public async Task<byte[]> ReadSomeAsync()
    {
        if (_start == _end && !await FillAsync())
        {
            return [];
        }

        var taken = _buffer.AsSpan(_start, _end - _start).ToArray();
        _start = _end;
        return taken;
    }

    /// <summary>Everything until the peer ends its sending.</summary>
    public async Task<byte[]> ReadToEndAsync()
    {
        var all = new ArrayBufferWriter<byte>();
        while (await ReadSomeAsync() is { Length: > 0 } some)
        {
            all.Write(some);
        }

        return all.WrittenSpan.ToArray();
    }

    public Task WriteAsync(string text) => WriteAsync(Encoding.Latin1.GetBytes(text));

    public Task WriteAsync(ReadOnlyMemory<byte> bytes) => _stream.WriteAsync(bytes, stopped).Within();

    /// <summary>Ends the sending and goes on reading.</summary>
    public void EndSending() => socket.Shutdown(SocketShutdown.Send);

    /// <summary>An orderly close; a reset all the same if the peer sent something nobody read.</summary>
    public void Close() => _stream.Dispose();

    /// <summary>A reset.</summary>
    public void Reset() => socket.Close(0);

    public void Dispose() => Close();

    private string Take(int bytes)
    {
        var text = Encoding.Latin1.GetString(_buffer, _start, bytes);
        _start += bytes;
        return text;
    }

    private async Task<bool> FillAsync()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var read = await _stream.ReadAsync(_buffer.AsMemory(_end), stopped);
        _end += read;
        return read > 0;
    }
}
