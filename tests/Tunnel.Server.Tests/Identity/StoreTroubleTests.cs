using Microsoft.Extensions.Time.Testing;
using Tunnel.Hosting.Secrets;
using Tunnel.Server.Identity;
using Tunnel.Server.Tests.Diagnostics;

namespace Tunnel.Server.Tests.Identity;

/// <summary>A token store that is gone, damaged, or written by another server as well.</summary>
public sealed class StoreTroubleTests : IDisposable
{
    private const string Domain = "tunnel.com";
    private readonly string _folder = Directory.CreateTempSubdirectory("tunnel-trouble-").FullName;
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly LogLines _log = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task File_GoneWhileRunning_LeavesWhatWasKnownAndIsNotWritten()
    {
        TokenStore store = Open();
        (AgentToken token, TokenRecord record) = await MakeAsync(store, "laptop");
        string aside = store.FilePath + ".aside";
        File.Move(store.FilePath, aside);

        store.Refresh().Should().Contain("there is no such file");
        store.Verify(token.Credential, out _).Should().Be(TokenVerdict.Accepted);
        store.Claim(record, "demo.tunnel.com").Should().BeNull();
        await ((Func<Task>)(() => store.SaveNotesAsync(CancellationToken.None))).Should().ThrowAsync<IOException>();
        File.Exists(store.FilePath).Should().BeFalse("a store without the other tokens would be worse than none");

        File.Move(aside, store.FilePath);
        store.Refresh().Should().BeNull();
        await store.SaveNotesAsync(CancellationToken.None);
        Open().Current.Find(record.Id)!.Claims.Should().Equal("demo.tunnel.com");
    }

    [Fact]
    public async Task File_GoneWhereAServerHasRun_IsNoStoreToBeginWith()
    {
        using (await ServerState.OpenAsync(_folder, Domain, _clock))
        {
        }

        string path = Path.Combine(_folder, TokenStore.FileName);
        File.Delete(path);

        await ((Func<Task>)(() => ServerState.OpenAsync(_folder, Domain, _clock))).Should().ThrowAsync<StateException>().WithMessage("*tokens.json is gone*backup*");
        File.Exists(path).Should().BeFalse();
        ServerState.IsUntouched(_folder).Should().BeFalse("the system's place is no different");

        await File.WriteAllTextAsync(path, TokenFile.EmptyText);
        using ServerState state = await ServerState.OpenAsync(_folder, Domain, _clock);
        state.Tokens.Current.Count.Should().Be(0);
    }

    [Fact]
    public void Folder_WithNothingOfAServer_IsUntouched()
    {
        ServerState.IsUntouched(_folder).Should().BeTrue();
        ServerState.IsUntouched(Path.Combine(_folder, "none")).Should().BeTrue();
        File.WriteAllText(Path.Combine(_folder, TokenStore.FileName), "{ half");
        ServerState.IsUntouched(_folder).Should().BeFalse("a damaged store is a store");
    }

    [Fact]
    public async Task Trouble_ThatLasts_IsSaidEveryMinuteAndWhenItIsOver()
    {
        TokenStore store = Open();
        await MakeAsync(store, "laptop");
        string aside = store.FilePath + ".aside";
        File.Move(store.FilePath, aside);
        for (int second = 0; second < 119; second++)
        {
            store.Refresh(_log);
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        _log.All.Should().HaveCount(2).And.OnlyContain(line => line.Contains("still hold"));
        File.Move(aside, store.FilePath);
        store.Refresh(_log);
        store.Refresh(_log);

        _log.All.Should().HaveCount(3).And.Subject.Last().Should().Contain("can be read again");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Claims_OfTwoServersOnOneFolder_AreOfWhoWroteFirst(bool isRefreshedFirst)
    {
        TokenStore blue = Open();
        (_, TokenRecord first) = await MakeAsync(blue, "first");
        (_, TokenRecord second) = await MakeAsync(blue, "second");
        TokenStore green = Open();
        blue.Claim(first, "demo.tunnel.com").Should().BeNull();
        green.Claim(second, "demo.tunnel.com").Should().BeNull("neither knows of the other");
        green.Claim(second, "other.tunnel.com").Should().BeNull();
        long seen = green.Changes;

        await blue.SaveNotesAsync(CancellationToken.None);
        if (isRefreshedFirst)
        {
            green.Refresh();
        }

        await green.SaveNotesAsync(CancellationToken.None);
        blue.Refresh();

        foreach (TokenStore store in new[] { blue, green, Open() })
        {
            store.Current.Find(first.Id)!.Claims.Should().Equal("demo.tunnel.com");
            store.Current.Find(second.Id)!.Claims.Should().Equal("other.tunnel.com");
        }

        green.Changes.Should().BeGreaterThan(seen, "the session that serves it must be judged again");
        NameRights.Judge(green.Current, green.Current.Find(second.Id), "demo.tunnel.com", _clock.GetUtcNow()).Should().Contain("somebody else's");
    }

    [Fact]
    public async Task Saves_ThatAgentsWaitFor_LeaveTheDiskItsRest()
    {
        TokenStore store = Open();
        (_, TokenRecord record) = await MakeAsync(store, "laptop");
        store.Claim(record, "one.tunnel.com");
        await store.SaveSoonAsync(CancellationToken.None);
        store.Claim(record, "two.tunnel.com");

        Task[] waiting = [store.SaveSoonAsync(CancellationToken.None), store.SaveSoonAsync(CancellationToken.None)];
        waiting.Should().OnlyContain(save => !save.IsCompleted);
        Open().Current.Find(record.Id)!.Claims.Should().Equal("one.tunnel.com");
        _clock.Advance(TimeSpan.FromMilliseconds(200));
        await Task.WhenAll(waiting);

        Open().Current.Find(record.Id)!.Claims.Should().Equal("one.tunnel.com", "two.tunnel.com");
    }

    [Fact]
    public async Task Note_OfAName_CostsTheSameHoweverManyTokensThereAre()
    {
        long few = await CostAsync(tokens: 10);
        long many = await CostAsync(tokens: 2_000);

        many.Should().BeLessThan(few * 4, "a note changes one token");
    }

    // Bytes allocated for a name that is new.
    private async Task<long> CostAsync(int tokens)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, $"of-{tokens}")).FullName;
        TokenRecord[] records =
        [
            .. Enumerable.Range(0, tokens).Select(i => TokenStoreTests.Wanted($"t{i}") with { Id = $"{i:x16}", Hash = new string('0', 64), Subdomains = [$"u{i}-*"] }),
        ];
        TokenStore store = TokenStore.Open(folder, Domain, _clock);
        await store.ChangeAsync(_ => records);
        store.Remember(records[1], "u1-first.tunnel.com");
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
        {
            store.Remember(records[1], $"u1-{i}.tunnel.com");
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before) / 50;
    }

    private TokenStore Open() => TokenStore.Open(_folder, Domain, _clock);

    private Task<(AgentToken Token, TokenRecord Record)> MakeAsync(TokenStore store, string name) =>
        new TokenIssuer(store, TimeProvider.System).CreateAsync(TokenStoreTests.Wanted(name), pin: null, "tunnel.com:9090");
}
