using System.Security.Cryptography;
using Tunnel.Agent.Identity;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Agent.Tests.Identity;

public sealed class TokenSourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tunnel-agent-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Token_InSeveralPlaces_IsTakenFromTheFirst()
    {
        AgentToken option = NewToken(), file = NewToken(), environment = NewToken(), stored = NewToken();
        string path = Store("given", file);
        string login = Store("login", stored);

        Find(option, path, environment, login)!.Token.Id.Should().Be(option.Id);
        Find(null, path, environment, login)!.Token.Id.Should().Be(file.Id);
        Find(null, null, environment, login)!.Token.Id.Should().Be(environment.Id);
        FoundToken last = Find(null, null, null, login)!;
        last.Token.Id.Should().Be(stored.Id);
        last.IsStored.Should().BeTrue();
        Find(null, null, null, Path.Combine(_folder, "none")).Should().BeNull();
    }

    [Fact]
    public void Token_OnTheCommandLine_Warns()
    {
        Find(NewToken(), null, null, "none")!.Warning.Should().Contain("seen by every user");
        Find(null, null, NewToken(), "none")!.Warning.Should().BeNull();
    }

    [Fact]
    public void File_OpenToOthers_Warns()
    {
        string path = Store("given", NewToken());
        Find(null, path, null, "none")!.Warning.Should().BeNull();
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
            Find(null, path, null, "none")!.Warning.Should().Contain("chmod 600");
        }
    }

    [Fact]
    public void Token_ThatCannotBeRead_IsNamedByItsPlaceAndNeverQuoted()
    {
        string damaged = NewToken().Reveal()[..^3];
        string path = Path.Combine(_folder, "damaged");
        File.WriteAllText(path, damaged);
        (Action Find, string Place)[] cases =
        [
            (() => TokenSource.Find(damaged, null, null, "none"), "--token:"),
            (() => TokenSource.Find(null, path, null, "none"), "--token-file:"),
            (() => TokenSource.Find(null, "/does/not/exist", null, "none"), "--token-file:"),
            (() => TokenSource.Find(null, null, damaged, "none"), "TUNNEL_AGENT_TOKEN:"),
            (() => TokenSource.Find(null, null, null, path), "login"),
        ];
        foreach ((Action find, string place) in cases)
        {
            find.Should().Throw<ArgumentException>().Which.Message.Should().Contain(place).And.NotContain(damaged[20..50]);
        }
    }

    private static FoundToken? Find(AgentToken? given, string? file, AgentToken? environment, string storedAt) =>
        TokenSource.Find(given?.Reveal(), file, environment?.Reveal(), storedAt);

    private static AgentToken NewToken() => new(
        Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), RandomNumberGenerator.GetBytes(32), null, "tunnel.com:9090");

    private string Store(string name, AgentToken token)
    {
        string path = Path.Combine(_folder, name);
        OwnerOnlyFile.Write(path, System.Text.Encoding.ASCII.GetBytes(token.Reveal() + "\n"));
        return path;
    }
}
