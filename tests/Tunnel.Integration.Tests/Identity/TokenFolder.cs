using Tunnel.Hosting.Secrets;
using Tunnel.Server.Identity;

namespace Tunnel.Integration.Tests.Identity;

/// <summary>A server's state in a folder of its own, and tokens made there as the command makes them.</summary>
public sealed class TokenFolder : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tunnel-tokens-").FullName;

    private TokenFolder()
    {
    }

    public ServerState State { get; private set; } = null!;

    public static async Task<TokenFolder> OpenAsync()
    {
        var folder = new TokenFolder();
        folder.State = await ServerState.OpenAsync(folder._folder, "localhost", TimeProvider.System);
        return folder;
    }

    /// <summary>A token with the server's pin.</summary>
    public async Task<AgentToken> MakeAsync(string name, params string[] subdomains)
    {
        var wanted = new TokenRecord { Id = "", Name = name, Hash = "", Created = default, Subdomains = subdomains };
        return (await Issuer().CreateAsync(wanted, State.Key.Pin, "localhost:9090")).Token;
    }

    /// <summary>One whose time was over before it began.</summary>
    public async Task<AgentToken> MakeExpiredAsync(string name)
    {
        var wanted = new TokenRecord { Id = "", Name = name, Hash = "", Created = default, Expires = DateTimeOffset.UnixEpoch.AddYears(50) };
        return (await Issuer().CreateAsync(wanted, State.Key.Pin, "localhost:9090")).Token;
    }

    public Task RevokeAsync(string name) => Issuer().RevokeAsync(name, forget: false);

    /// <summary>The only token, as the disk has it.</summary>
    internal TokenRecord Read() => TokenStore.Open(_folder, "localhost", TimeProvider.System).Current.All.Single();

    public void Dispose()
    {
        State.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    // A store of its own, as another process would have it.
    private TokenIssuer Issuer() => new(TokenStore.Open(_folder, "localhost", TimeProvider.System), TimeProvider.System);
}
