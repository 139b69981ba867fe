using System.Net.Sockets;
using System.Text.Json;
using Tunnel.Hosting.Files;

namespace Tunnel.Hosting.Control;

/// <summary>A running program that was asked.</summary>
/// <param name="Answer">Null: it does not answer, or not as one of ours.</param>
public sealed record AskedProgram(int Pid, string Socket, ControlAnswer? Answer);

/// <summary>Asks the running programs of this machine.</summary>
public static class ControlClient
{
    private const int MostAnswerBytes = 4 << 20;

    // A hundred thousand sockets in a folder are nobody's agents.
    private const int MostPrograms = 256;

    /// <summary>More than one connection may take there, as one may have to wait for another.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Asks all of them the same. A socket that was left behind by a program that is gone is taken away.</summary>
    public static async Task<IReadOnlyList<AskedProgram>> AskAllAsync(IEnumerable<ControlFolder> folders, ControlRequest request, TimeProvider time)
    {
        IEnumerable<Task<AskedProgram?>> asking = folders.SelectMany(folder => folder.Sockets()).Take(MostPrograms).Select(found => AskAsync(found.Pid, found.Socket, request, time));
        return [.. (await Task.WhenAll(asking)).OfType<AskedProgram>().OrderBy(program => program.Pid)];
    }

    /// <summary>Asks the one at this socket.</summary>
    /// <returns>Null: nobody listens there, or not for this user.</returns>
    public static async Task<AskedProgram?> AskAsync(int pid, string path, ControlRequest request, TimeProvider time)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var limit = new CancellationTokenSource(Patience, time);
        try
        {
            await ConnectAsync(socket, path, time, limit.Token);
        }
        catch (OperationCanceledException)
        {
            return new AskedProgram(pid, path, null);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
        {
            TakeAway(path);
            return null;
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            return null;
        }

        try
        {
            byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest), (byte)'\n'];
            await socket.SendAsync(line, limit.Token);
            return new AskedProgram(pid, path, JsonSerializer.Deserialize(await ReadAsync(socket, limit.Token), ControlJson.Default.ControlAnswer));
        }
        catch (Exception error) when (error is SocketException or JsonException or OperationCanceledException)
        {
            return new AskedProgram(pid, path, null);
        }
    }

    // Where too many wait already, the system does not let one wait with them.
    private static async Task ConnectAsync(Socket socket, string path, TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
                return;
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.WouldBlock)
            {
                await Task.Delay(Pause, time, cancel);
            }
        }
    }

    private static async Task<byte[]> ReadAsync(Socket socket, CancellationToken cancel)
    {
        var answer = new MemoryStream();
        byte[] buffer = new byte[16 << 10];
        int read;
        while ((read = await socket.ReceiveAsync(buffer, cancel)) > 0)
        {
            answer.Write(buffer.AsSpan(0, read));
            if (answer.Length > MostAnswerBytes)
            {
                throw new JsonException("Endless.");
            }
        }

        return answer.ToArray();
    }

    private static void TakeAway(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (OutsideFile.IsItsFault(error))
        {
            // It is somebody else's to remove.
        }
    }
}
