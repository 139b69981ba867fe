using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Hosting.Secrets;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Identity;

public sealed class TokenStoreTests : IDisposable
{
    private const string Domain = "tunnel.com";
    private readonly string _folder = Directory.CreateTempSubdirectory("tunnel-store-").FullName;
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Token_Made_IsAcceptedByItsSecretAlone()
    {
        TokenStore store = Open();
        (AgentToken token, TokenRecord record) = await MakeAsync(store, "laptop");
        (AgentToken other, _) = await MakeAsync(store, "desk");

        store.Verify(token.Credential, out TokenRecord? found).Should().Be(TokenVerdict.Accepted);
        found.Should().BeEquivalentTo(record);
        string[] wrong =
        [
            "", ".", token.Id, $"{token.Id}.", $"{token.Id}{other.Credential[16..]}", $"{other.Id}{token.Credential[16..]}",
            $"{new string('0', 16)}{token.Credential[16..]}", token.Credential + "A", token.Credential[..^1], token.Reveal(),
            token.Credential.ToUpperInvariant(), $"{token.Id}.{record.Hash}",
        ];
        wrong.Should().OnlyContain(credential => store.Verify(credential, out found) == TokenVerdict.Unknown);
    }

    [Fact]
    public async Task Store_OnDisk_HasNoSecretAndNoOtherReader()
    {
        (AgentToken token, _) = await MakeAsync(Open(), "laptop");

        string path = Path.Combine(_folder, TokenStore.FileName);
        string content = await File.ReadAllTextAsync(path);
        content.Should().Contain(token.Id).And.NotContain(token.Credential[17..]).And.NotContain(token.Credential[17..40]);
        OwnerOnlyFile.IsOpenToOthers(path).Should().BeFalse();
        Directory.EnumerateFiles(_folder).Select(Path.GetFileName).Should().BeEquivalentTo(TokenStore.FileName, "lock");
    }

    [Fact]
    public async Task Folder_OfAnotherUser_GetsWhatRootWritesAndNothingElse()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            return;
        }

        const string Other = "65534";
        string folder = Directory.CreateDirectory(Path.Combine(_folder, "of-another")).FullName;
        string ofRoot = Path.Combine(_folder, "of-root");
        await File.WriteAllTextAsync(ofRoot, "secret");
        await RunAsync("chown", Other, folder);
        File.CreateSymbolicLink(Path.Combine(folder, "lock"), ofRoot);

        (await FolderLock.TakeAsync(folder, TimeSpan.Zero, TimeProvider.System)).Dispose();
        OwnerOnlyFile.Write(Path.Combine(folder, "tokens.json"), "{}"u8);

        (await RunAsync("stat", "-c", "%u", ofRoot)).Should().Be("0", "the owner of the folder put a link there, and is not given what it points to");
        (await RunAsync("stat", "-c", "%u", Path.Combine(folder, "tokens.json"))).Should().Be(Other);
    }

    [Fact]
    public async Task Token_RevokedByAnotherProcess_IsRefusedAfterRefresh()
    {
        TokenStore server = Open();
        TokenStore command = Open();
        (AgentToken token, _) = await MakeAsync(command, "laptop");
        server.Refresh();
        server.Verify(token.Credential, out _).Should().Be(TokenVerdict.Accepted);
        long seen = server.Changes;
        server.Refresh();
        server.Changes.Should().Be(seen, "nothing has changed");

        await new TokenIssuer(command, _clock).RevokeAsync("laptop", forget: false);

        server.Refresh();
        server.Changes.Should().BeGreaterThan(seen);
        server.Verify(token.Credential, out _).Should().Be(TokenVerdict.Revoked);
    }

    [Fact]
    public async Task Token_PastItsTime_IsExpired()
    {
        TokenStore store = Open();
        (AgentToken token, _) = await new TokenIssuer(store, _clock).CreateAsync(
            Wanted("laptop") with { Expires = _clock.GetUtcNow().AddHours(1) }, pin: null, "tunnel.com:9090");
        _clock.Advance(TimeSpan.FromMinutes(59));
        store.Verify(token.Credential, out _).Should().Be(TokenVerdict.Accepted);

        _clock.Advance(TimeSpan.FromMinutes(1));

        store.Verify(token.Credential, out _).Should().Be(TokenVerdict.Expired);
    }

    [Fact]
    public async Task File_BrokenWhileRunning_LeavesWhatWasKnown()
    {
        TokenStore store = Open();
        (AgentToken token, _) = await MakeAsync(store, "laptop");
        await File.WriteAllTextAsync(store.FilePath, "{ half");

        store.Refresh().Should().Contain("tokens.json").And.Contain("line 1");
        store.Refresh().Should().NotBeNull("it still is");
        store.Verify(token.Credential, out _).Should().Be(TokenVerdict.Accepted);
        ((Action)(() => Open())).Should().Throw<IOException>("a start must not forget every token in silence");
    }

    [Fact]
    public async Task Claim_OfAFreeName_HoldsAtOnceAndIsSaved()
    {
        TokenStore store = Open();
        (_, TokenRecord record) = await MakeAsync(store, "laptop");
        (_, TokenRecord other) = await MakeAsync(store, "desk");

        store.Claim(record, "demo.tunnel.com").Should().BeNull();
        store.Claim(record, "demo.tunnel.com").Should().BeNull("it has it already");
        store.Claim(other, "demo.tunnel.com").Should().Contain("somebody else's");
        NameRights.Judge(store.Current, null, "demo.tunnel.com", _clock.GetUtcNow()).Should().NotBeNull();
        Open().Current.Find(record.Id)!.Claims.Should().BeEmpty("it is not on the disk yet");
        await store.SaveNotesAsync(CancellationToken.None);

        Open().Current.Find(record.Id)!.Claims.Should().Equal("demo.tunnel.com");
    }

    [Fact]
    public async Task Claim_BeforeAnotherProcessWrites_IsNotLost()
    {
        TokenStore server = Open();
        (_, TokenRecord record) = await MakeAsync(server, "laptop");
        server.Claim(record, "demo.tunnel.com").Should().BeNull();

        await MakeAsync(Open(), "desk");
        server.Refresh();

        server.Current.Find(record.Id)!.Claims.Should().Equal("demo.tunnel.com");
        await server.SaveNotesAsync(CancellationToken.None);
        Open().Current.All.Should().HaveCount(2);
        Open().Current.Find(record.Id)!.Claims.Should().Equal("demo.tunnel.com");
    }

    [Fact]
    public async Task Claims_OfOneToken_AreBounded()
    {
        TokenStore store = Open();
        (_, TokenRecord record) = await MakeAsync(store, "laptop");
        for (int i = 0; i < FirstClaims.MostNames; i++)
        {
            store.Claim(record, $"n{i}.tunnel.com").Should().BeNull();
        }

        store.Claim(record, "one-more.tunnel.com").Should().Contain("limit");
    }

    [Fact]
    public async Task Ports_OfOneToken_AreCountedApart_AndFurtherOnesAreNotKept()
    {
        TokenStore store = Open();
        (_, TokenRecord record) = await MakeAsync(store, "laptop");
        for (int port = 20_000; port < 20_200; port++)
        {
            store.Claim(record, TcpName.Of(port)).Should().BeNull();
        }

        store.Claim(record, "demo.tunnel.com").Should().BeNull("ports take no room from names");
        store.Current.Find(record.Id)!.Claims.Should().HaveCount(FirstClaims.MostPorts + 1).And.Contain(TcpName.Of(20_000)).And.NotContain(TcpName.Of(20_199));
    }

    [Fact]
    public async Task Names_ServedUnderAStar_AreRememberedTheLatestOfThem()
    {
        TokenStore store = Open();
        (_, TokenRecord record) = await MakeAsync(store, "laptop");
        store.Remember(record, "daily.tunnel.com");
        for (int i = 0; i < NameNote.MostServed * 2; i++)
        {
            store.Remember(record, $"pr-{i}.tunnel.com");
            store.Remember(record, "daily.tunnel.com");
        }

        await store.SaveNotesAsync(CancellationToken.None);
        IReadOnlyList<string> served = Open().Current.Find(record.Id)!.Served;
        served.Should().HaveCount(NameNote.MostServed).And.OnlyHaveUniqueItems();
        served.Should().Contain("daily.tunnel.com", "it is in use").And.Contain($"pr-{(NameNote.MostServed * 2) - 1}.tunnel.com").And.NotContain("pr-0.tunnel.com");
        DateTime written = File.GetLastWriteTimeUtc(store.FilePath);

        store.Remember(record, "daily.tunnel.com");
        await store.SaveNotesAsync(CancellationToken.None);

        File.GetLastWriteTimeUtc(store.FilePath).Should().Be(written, "what is known costs nothing");
    }

    [Fact]
    public async Task Passthrough_OfAName_HoldsAtOnceIsSavedAndPassesToTheNextTokenOfTheName()
    {
        TokenStore store = Open();
        (_, TokenRecord record) = await MakeAsync(store, "laptop");
        store.Claim(record, "demo.tunnel.com");
        store.Current.IsPassthrough("demo.tunnel.com").Should().BeFalse();

        store.NotePassthrough(record, "demo.tunnel.com", isPassthrough: true);
        store.Current.IsPassthrough("demo.tunnel.com").Should().BeTrue();
        store.Current.IsPassthrough("other.tunnel.com").Should().BeFalse();
        await store.SaveNotesAsync(CancellationToken.None);
        Open().Current.IsPassthrough("demo.tunnel.com").Should().BeTrue();

        await new TokenIssuer(store, _clock).RevokeAsync("laptop", forget: false);
        store.Current.IsPassthrough("demo.tunnel.com").Should().BeTrue("nobody else has it yet");
        await MakeAsync(store, "laptop");
        store.Current.IsPassthrough("demo.tunnel.com").Should().BeTrue();
        await new TokenIssuer(store, _clock).RevokeAsync("laptop", forget: true);
        store.Current.IsPassthrough("demo.tunnel.com").Should().BeFalse();
    }

    [Fact]
    public async Task Passthrough_OfANameThatTokensShare_IsWhatItWasServedAsLast()
    {
        const string Name = "team-a.tunnel.com";
        TokenStore store = Open();
        TokenRecord one = (await new TokenIssuer(store, _clock).CreateAsync(Wanted("one") with { Subdomains = ["team-*"] }, pin: null, "tunnel.com:9090")).Record;
        TokenRecord two = (await new TokenIssuer(store, _clock).CreateAsync(Wanted("two") with { Subdomains = ["team-*"] }, pin: null, "tunnel.com:9090")).Record;

        foreach ((TokenRecord who, bool isPassthrough) in new[] { (one, true), (two, false), (two, false), (one, true), (two, true), (one, false), (two, true) })
        {
            store.NotePassthrough(who, Name, isPassthrough);
            store.Current.IsPassthrough(Name).Should().Be(isPassthrough);
        }

        await store.SaveNotesAsync(CancellationToken.None);
        Open().Current.Find(one.Id)!.Passthrough.Should().BeEmpty();
        Open().Current.Find(two.Id)!.Passthrough.Should().Equal(Name);
    }

    [Fact]
    public async Task Passthrough_OfOneToken_IsBoundedAndTheNewestStay()
    {
        TokenStore store = Open();
        (_, TokenRecord record) = await MakeAsync(store, "laptop");
        for (int i = 0; i <= NameNote.MostPassthrough; i++)
        {
            store.NotePassthrough(record, $"n{i}.tunnel.com", isPassthrough: true);
        }

        await store.SaveNotesAsync(CancellationToken.None);
        Open().Current.Find(record.Id)!.Passthrough.Should().HaveCount(NameNote.MostPassthrough).And.StartWith("n1.tunnel.com");
    }

    [Fact]
    public async Task Name_InUse_CannotBeMadeAgainUntilRevoked()
    {
        TokenStore store = Open();
        (AgentToken first, TokenRecord record) = await MakeAsync(store, "laptop");
        store.Claim(record, "demo.tunnel.com");
        store.Remember(record, "a-demo.tunnel.com");
        await store.SaveNotesAsync(CancellationToken.None);
        await ((Func<Task>)(() => MakeAsync(store, "laptop"))).Should().ThrowAsync<ArgumentException>().WithMessage("*already*revoke laptop*");

        await new TokenIssuer(store, _clock).RevokeAsync("laptop", forget: false);
        (AgentToken second, TokenRecord next) = await MakeAsync(store, "laptop");

        next.Claims.Should().Equal(["demo.tunnel.com"], "what was a laptop's stays a laptop's");
        next.Served.Should().Equal("a-demo.tunnel.com");
        store.Verify(first.Credential, out _).Should().Be(TokenVerdict.Unknown);
        store.Verify(second.Credential, out _).Should().Be(TokenVerdict.Accepted);
    }

    [Fact]
    public async Task Revoke_WithForget_FreesTheNames()
    {
        TokenStore store = Open();
        (_, TokenRecord record) = await MakeAsync(store, "laptop");
        store.Claim(record, "demo.tunnel.com");
        await store.SaveNotesAsync(CancellationToken.None);

        await new TokenIssuer(store, _clock).RevokeAsync(record.Id, forget: true);

        store.Current.All.Should().BeEmpty();
        NameRights.Judge(store.Current, null, "demo.tunnel.com", _clock.GetUtcNow()).Should().BeNull();
        await ((Func<Task>)(() => new TokenIssuer(store, _clock).RevokeAsync("laptop", forget: false))).Should().ThrowAsync<ArgumentException>();
    }

    [Fact]
    public async Task Writers_AtTheSameTime_LoseNothing()
    {
        TokenStore[] stores = [.. Enumerable.Range(0, 4).Select(_ => TokenStore.Open(_folder, Domain, TimeProvider.System))];

        await Task.WhenAll(stores.Select((store, number) => Task.Run(async () =>
        {
            for (int i = 0; i < 10; i++)
            {
                await new TokenIssuer(store, TimeProvider.System).CreateAsync(Wanted($"t{number}-{i}"), pin: null, "tunnel.com:9090");
            }
        })));

        Open().Current.All.Should().HaveCount(40);
    }

    [Fact]
    public async Task Leftovers_OfAKilledWriter_AreRemovedByTheNext()
    {
        string leftover = Path.Combine(_folder, TokenStore.FileName + ".new-0badcafe");
        await File.WriteAllBytesAsync(leftover, Encoding.ASCII.GetBytes("{ half"));

        await MakeAsync(Open(), "laptop");

        File.Exists(leftover).Should().BeFalse();
    }

    private TokenStore Open() => TokenStore.Open(_folder, Domain, _clock);

    private Task<(AgentToken Token, TokenRecord Record)> MakeAsync(TokenStore store, string name) =>
        new TokenIssuer(store, TimeProvider.System).CreateAsync(Wanted(name), pin: null, "tunnel.com:9090");

    internal static TokenRecord Wanted(string name) => new() { Id = "", Name = name, Hash = "", Created = default };

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using Process run = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = await run.StandardOutput.ReadToEndAsync();
        await run.WaitForExitAsync();
        run.ExitCode.Should().Be(0);
        return output.Trim();
    }
}
