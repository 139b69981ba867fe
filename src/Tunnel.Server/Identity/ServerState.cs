using Tunnel.Hosting.Secrets;

namespace Tunnel.Server.Identity;

/// <summary>What a server keeps between runs: its key and its tokens. Disposed of by whoever opened it.</summary>
public sealed class ServerState : IDisposable
{
    private ServerState(string folder, ServerKey key, TokenStore tokens)
    {
        Folder = folder;
        Key = key;
        Tokens = tokens;
    }

    public string Folder { get; }

    internal ServerKey Key { get; }

    internal TokenStore Tokens { get; }

    /// <summary>Opens the folder; makes it and the key if they are not there.</summary>
    /// <param name="domain">The server's.</param>
    /// <exception cref="StateException">It cannot be used; the message says why.</exception>
    public static async Task<ServerState> OpenAsync(string folder, string domain, TimeProvider time)
    {
        try
        {
            OwnerOnlyFile.CreateFolder(folder);
            ServerKey key = await ServerKey.OpenAsync(folder, time);
            return new ServerState(folder, key, TokenStore.Open(folder, domain, time));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StateException($"The state folder {folder} cannot be used: {error.Message}", error);
        }
    }

    /// <summary>Leaves word of where this server is reached.</summary>
    /// <exception cref="StateException">The folder does not take it.</exception>
    internal void Note(ServerNote note)
    {
        try
        {
            note.Write(Folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StateException($"The state folder {Folder} cannot be written: {error.Message}", error);
        }
    }

    public void Dispose() => Key.Dispose();
}

/// <summary>The folder of a server's state cannot be used.</summary>
public sealed class StateException(string message, Exception inner) : Exception(message, inner);
