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
            TokenStore tokens = await TokenStore.OpenOrBeginAsync(folder, domain, time);
            return new ServerState(folder, await ServerKey.OpenAsync(folder, time), tokens);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StateException($"The state folder {folder} cannot be used: {error.Message}", error);
        }
    }

    /// <summary>
    /// Whether nothing in this folder says that a server has run there: no key and no tokens. A folder that does not let itself be
    /// looked at may hold both.
    /// </summary>
    public static bool IsUntouched(string folder)
    {
        try
        {
            return !Directory.EnumerateFileSystemEntries(folder).Any(path => Path.GetFileName(path) is ServerKey.FileName or TokenStore.FileName);
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
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
