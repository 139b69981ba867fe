using System.Net.Sockets;
using System.Text.Json;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Hosting.Control;

/// <summary>
/// The socket at which a running program is asked by commands on the same machine: a line of JSON, an answer of JSON, and the
/// connection is over. File modes, and on Linux the kernel's word, keep everybody out but the user, root and the folder's group. What one of
/// these sends is still bounded, in size, time and number.
/// </summary>
public sealed class ControlSocket : IAsyncDisposable
{
    /// <summary>A longer request is refused.</summary>
    public const int MostRequestBytes = 4096;

    /// <summary>Connections that are looked at; further ones wait at the door, and who finds no room there is told by the system.</summary>
    private const int MostAtOnce = 8;

    private const int MostAtTheDoor = 64;

    private const UnixFileMode OwnerMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>What one connection may take, whatever it waits for.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(5);

    private readonly Socket _listener;
    private readonly string _path;
    private readonly uint? _group;
    private readonly Func<ControlRequest, CancellationToken, Task<ControlAnswer>> _answer;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _places = new(MostAtOnce);
    private readonly Task _running;

    private ControlSocket(Socket listener, string path, uint? group, Func<ControlRequest, CancellationToken, Task<ControlAnswer>> answer, TimeProvider time)
    {
        _listener = listener;
        _path = path;
        _group = group;
        _answer = answer;
        _time = time;
        _running = Task.Run(AcceptAsync);
    }

    /// <summary>Opens the socket of this process.</summary>
    /// <param name="answer">Called for several at a time; what it throws is the program's fault.</param>
    /// <exception cref="IOException">There can be none; the message says why. The program works without.</exception>
    public static ControlSocket Open(ControlFolder folder, Func<ControlRequest, CancellationToken, Task<ControlAnswer>> answer, TimeProvider time)
    {
        string path = folder.PathOf(Environment.ProcessId);
        string fresh = path + ".new";
        Socket? listener = null;
        try
        {
            folder.Create();
            uint? group = folder.Group();
            File.Delete(fresh);
            listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(fresh));
            if (!OperatingSystem.IsWindows())
            {
                UnixFolder.GiveToOwner(folder.Path, fresh);
                File.SetUnixFileMode(fresh, group is null ? OwnerMode : OwnerMode | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
            }

            // It gets its name when it can be asked: whoever finds one by that name that cannot be takes it away.
            listener.Listen(MostAtTheDoor);
            File.Move(fresh, path, overwrite: true);
            return new ControlSocket(listener, path, group, answer, time);
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            listener?.Dispose();
            throw new IOException($"{path} cannot be opened: {error.Message}", error);
        }
    }

    /// <summary>Ends what is under way and takes the socket away.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        for (int place = 0; place < MostAtOnce; place++)
        {
            await _places.WaitAsync(CancellationToken.None);
        }

        try
        {
            File.Delete(_path);
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            // Whoever lists the running programs takes it away.
        }

        _listener.Dispose();
        _places.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                await _places.WaitAsync(_stop.Token);
                bool isGiven = false;
                try
                {
                    Socket peer = await _listener.AcceptAsync(_stop.Token);
                    isGiven = true;
                    _ = ServeAsync(peer);
                }
                catch (SocketException)
                {
                    // Descriptors are short: nobody is served by trying at once.
                    await Task.Delay(MostTime, _time, _stop.Token);
                }
                finally
                {
                    if (!isGiven)
                    {
                        _places.Release();
                    }
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The program ends.
        }
    }

    private async Task ServeAsync(Socket peer)
    {
        try
        {
            using Socket socket = peer;
            using var limit = new CancellationTokenSource(MostTime, _time);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stop.Token);
            if (OperatingSystem.IsLinux() && !PeerUser.MayAsk(socket, _group))
            {
                return;
            }

            byte[] buffer = new byte[MostRequestBytes];
            if (await ReadLineAsync(socket, buffer, over.Token) is not { } length)
            {
                return;
            }

            ControlAnswer answer = Parse(buffer.AsSpan(0, length)) is { } request
                ? await _answer(request, over.Token)
                : ControlAnswer.Fault(ProgramErrors.ControlInvalid, $"A request is a line of at most {MostRequestBytes} bytes of JSON, with a command.");
            byte[] text = [.. JsonSerializer.SerializeToUtf8Bytes(answer, ControlJson.Default.ControlAnswer), (byte)'\n'];
            for (int sent = 0; sent < text.Length;)
            {
                sent += await socket.SendAsync(text.AsMemory(sent), over.Token);
            }

            socket.Shutdown(SocketShutdown.Both);
            answer.Afterwards?.Invoke();
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException)
        {
            // Whoever asked has gone, or takes too long.
        }
        finally
        {
            _places.Release();
        }
    }

    // The bytes before the end of the line; all of the buffer: it does not end. Null: nobody asks anything.
    private static async Task<int?> ReadLineAsync(Socket socket, byte[] buffer, CancellationToken cancel)
    {
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await socket.ReceiveAsync(buffer.AsMemory(length), cancel);
            if (read == 0)
            {
                return null;
            }

            int end = buffer.AsSpan(length, read).IndexOf((byte)'\n');
            if (end >= 0)
            {
                return length + end;
            }

            length += read;
        }

        return length;
    }

    private static ControlRequest? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ControlJson.Default.ControlRequest) is { Command: not null } request ? request : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
