using Tunnel.Hosting.Secrets;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Secrets;

public sealed class OwnerOnlyFileTests : IDisposable
{
    private const UnixFileMode OfOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [LinuxFact]
    public void FindOpenToOthers_OfSecretsThatOthersMayRead_NamesThose()
    {
        Make("tokens.json", OfOwner);
        Make("server.json", OfOwner | UnixFileMode.GroupRead);
        Make("server-key.pem", OfOwner | UnixFileMode.OtherRead);
        Make("notes.txt", OfOwner | UnixFileMode.OtherRead);

        OwnerOnlyFile.FindOpenToOthers(_folder.Path).Should().Equal(_folder.File("server-key.pem"), _folder.File("server.json"));
    }

    [LinuxFact]
    public void FindOpenToOthers_OfAFolderThatOthersMayWrite_NamesIt()
    {
        Set(_folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite);

        OwnerOnlyFile.FindOpenToOthers(_folder.Path).Should().Equal(_folder.Path);
    }

    [LinuxTheory]
    [InlineData(UnixFileMode.GroupRead, false)]
    [InlineData(UnixFileMode.OtherRead, true)]
    public void IsOpenToEverybody_OfAFileForOneGroup_IsFalse(UnixFileMode more, bool expected)
    {
        Make("key", OfOwner | more);

        OwnerOnlyFile.IsOpenToEverybody(_folder.File("key")).Should().Be(expected);
    }

    [Fact]
    public void FindOpenToOthers_WithoutTheFolder_IsNobody() =>
        OwnerOnlyFile.FindOpenToOthers(_folder.File("none")).Should().BeEmpty();

    private void Make(string name, UnixFileMode mode)
    {
        File.WriteAllText(_folder.File(name), "");
        Set(_folder.File(name), mode);
    }

    private static void Set(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
        }
    }
}
