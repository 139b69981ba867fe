using Tunnel.Hosting.Files;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Files;

public sealed class AppendFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public AppendFileTests() => _path = _folder.File("log");

    public void Dispose() => _folder.Dispose();

    [LinuxFact]
    public async Task Write_OfTwoWritersAtOnce_LosesNoLine()
    {
        const int Lines = 2000;
        string[] names = ["first", "second"];

        await Task.WhenAll(names.Select(name => Task.Run(() =>
        {
            using AppendFile file = AppendFile.Open(_path);
            for (int i = 0; i < Lines; i++)
            {
                Write(file, $"{name} {i}");
            }
        })));

        string[] written = await File.ReadAllLinesAsync(_path);
        written.Should().BeEquivalentTo(names.SelectMany(name => Enumerable.Range(0, Lines).Select(i => $"{name} {i}")));
    }

    [LinuxFact]
    public void Write_AfterTheFileWasCutOff_BeginsAtItsNewEnd()
    {
        using AppendFile file = AppendFile.Open(_path);
        Write(file, "before");
        using (var other = new FileStream(_path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            other.SetLength(0);
        }

        Write(file, "after");

        File.ReadAllText(_path).Should().Be("after\n");
    }

    [LinuxFact]
    public void HasMoved_FileWasRenamedOrDeleted_UntilItIsReopened()
    {
        using AppendFile file = AppendFile.Open(_path);
        file.HasMoved.Should().BeFalse();
        File.Move(_path, _path + ".1");
        file.HasMoved.Should().BeTrue();

        using AppendFile fresh = file.Reopen();
        Write(file, "old");
        Write(fresh, "new");

        fresh.HasMoved.Should().BeFalse();
        File.ReadAllText(_path).Should().Be("new\n");
        File.ReadAllText(_path + ".1").Should().Be("old\n");
        File.Delete(_path);
        fresh.HasMoved.Should().BeTrue();
    }

    [LinuxFact]
    public void Write_OnAFullDisk_SaysWhy()
    {
        using AppendFile file = AppendFile.Open("/dev/full");

        file.Write("line\n"u8, out string? fault).Should().Be(0);

        fault.Should().Contain("No space left");
    }

    [ProgramFact("mkfifo")]
    public Task Open_AFifoThatNobodyReads_IsRefusedAtOnce()
    {
        using (var made = System.Diagnostics.Process.Start("mkfifo", _path))
        {
            made.WaitForExit();
        }

        return TimeLimit.Run(() =>
        {
            FluentActions.Invoking(() => AppendFile.Open(_path)).Should().Throw<OutsideFileException>().WithMessage($"{_path} cannot be written: it is a FIFO that nobody reads.*");
            return Task.CompletedTask;
        });
    }

    private static void Write(AppendFile file, string line)
    {
        byte[] bytes = System.Text.Encoding.ASCII.GetBytes(line + "\n");
        file.Write(bytes, out string? fault).Should().Be(bytes.Length);
        fault.Should().BeNull();
    }
}
