using Tunnel.Hosting.Service;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Service;

public sealed class ServiceFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void File_AsItWasWritten_IsOurs()
    {
        ServiceFile file = Write();
        ServiceFile.StateOf(file.Path).Should().Be(ServiceFileState.Ours);
        file.Write();
        ServiceFile.StateOf(file.Path).Should().Be(ServiceFileState.Ours);
        ServiceFile.StateOf(_folder.File("none")).Should().Be(ServiceFileState.Missing);
    }

    [Theory]
    [InlineData("text", "Text")]
    [InlineData("Checksum: ", "checksum: ")]
    [InlineData("Written", "Written in haste")]
    [InlineData("\n", "\r\n")]
    public void File_ThatAPersonChanged_IsNot(string from, string to)
    {
        string path = Write().Path;
        File.WriteAllText(path, File.ReadAllText(path).Replace(from, to, StringComparison.Ordinal));
        ServiceFile.StateOf(path).Should().Be(ServiceFileState.Changed);
    }

    [Fact]
    public void File_OfSomebodyElse_IsNot()
    {
        File.WriteAllText(_folder.File("theirs"), "[Unit]\n");
        ServiceFile.StateOf(_folder.File("theirs")).Should().Be(ServiceFileState.Changed);
    }

    [LinuxTheory]
    [InlineData(false, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead)]
    [InlineData(true, UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    public void File_IsReadByWhoMayReadIt(bool isSecret, UnixFileMode mode) =>
        (OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(Write(isSecret).Path)).Should().Be(mode);

    [LinuxFact]
    public void File_InPlaceOfALink_LeavesWhatItLedTo()
    {
        File.WriteAllText(_folder.File("theirs"), "theirs");
        File.CreateSymbolicLink(_folder.File("p.service"), _folder.File("theirs"));
        Write();
        File.ReadAllText(_folder.File("theirs")).Should().Be("theirs");
        ServiceFile.StateOf(_folder.File("p.service")).Should().Be(ServiceFileState.Ours);
    }

    private ServiceFile Write(bool isSecret = false)
    {
        var file = new ServiceFile(_folder.File("p.service"), $"# {ServiceFile.Mark("p")}\ntext\n", isSecret);
        file.Write();
        return file;
    }
}
