using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class TokenWatchTests : IDisposable
{
    private const string Domain = "tunnel.com";
    private readonly string _folder = Directory.CreateTempSubdirectory("tunnel-watch-").FullName;
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("nobody")]
    [InlineData("an agent with another token")]
    [InlineData("a name on its way to the disk")]
    public async Task Revocation_WhoeverTakesItInFirst_EndsSessions(string first)
    {
        TokenStore server = Open();
        var issuer = new TokenIssuer(Open(), _clock);
        (_, TokenRecord laptop) = await issuer.CreateAsync(TokenStoreTests.Wanted("laptop"), pin: null, "tunnel.com:9090");
        (_, TokenRecord other) = await issuer.CreateAsync(TokenStoreTests.Wanted("desk"), pin: null, "tunnel.com:9090");
        server.Refresh();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var watch = new TokenWatch(server, ended.SetResult, _clock, NullLogger.Instance);
        watch.Start();

        await issuer.RevokeAsync(laptop.Name, forget: false);
        switch (first)
        {
            case "an agent with another token":
                server.Refresh();
                break;
            case "a name on its way to the disk":
                server.Claim(other, "demo.tunnel.com").Should().BeNull();
                await server.SaveNotesAsync(CancellationToken.None);
                break;
        }

        ended.Task.IsCompleted.Should().BeFalse();
        _clock.Advance(TimeSpan.FromSeconds(1));

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(30));
        server.Current.Find(laptop.Id)!.Revoked.Should().NotBeNull();
        await watch.StopAsync();
    }

    [Fact]
    public async Task Names_SavedByTheServerItself_EndNothing()
    {
        TokenStore server = Open();
        (_, TokenRecord laptop) = await new TokenIssuer(server, _clock).CreateAsync(TokenStoreTests.Wanted("laptop"), pin: null, "tunnel.com:9090");
        long seen = server.Changes;

        server.Claim(laptop, "demo.tunnel.com").Should().BeNull();
        await server.SaveNotesAsync(CancellationToken.None);
        server.Refresh();

        server.Changes.Should().Be(seen);
    }

    private TokenStore Open() => TokenStore.Open(_folder, Domain, _clock);
}
