using System.Text;
using Tunnel.Hosting.Files;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Files;

public sealed class OutsideFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_AFileUpToTheSize_IsRead()
    {
        string path = Written(new string('x', 1000));

        OutsideFile.Read(path, 1000).Should().HaveCount(1000).And.OnlyContain(b => b == 'x');
    }

    [Fact]
    public void Read_ALargerFile_IsRefusedByName()
    {
        string path = Written(new string('x', 1001));

        Reading(path).Should().Throw<OutsideFileException>().WithMessage($"{path} cannot be read: it is larger than 1000 bytes.");
    }

    [Fact]
    public void Read_NoFile_SaysThatItIsMissing()
    {
        string path = _folder.File("none");

        Reading(path).Should().Throw<OutsideFileException>().WithMessage($"{path} cannot be read: there is no such file.")
            .Which.IsMissing.Should().BeTrue();
    }

    [ProgramFact("mkfifo")]
    public Task Read_AFifo_IsRefusedAtOnce()
    {
        string path = _folder.File("fifo");
        using (var made = System.Diagnostics.Process.Start("mkfifo", path))
        {
            made.WaitForExit();
        }

        return TimeLimit.Run(() =>
        {
            Reading(path).Should().Throw<OutsideFileException>().WithMessage($"{path} cannot be read: it is a FIFO, not a file.")
                .Which.IsMissing.Should().BeFalse();
            return Task.CompletedTask;
        });
    }

    [LinuxFact]
    public async Task Read_APipeThatMayBeOne_IsReadToItsEnd()
    {
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.Out);
        pipe.Write("what a command printed"u8);
        string path = $"/dev/fd/{pipe.ClientSafePipeHandle.DangerousGetHandle()}";

        Task<string> read = Task.Run(() => OutsideFile.ReadText(path, 1000, mayBePipe: true));
        pipe.Write(", and went on"u8);
        await pipe.DisposeAsync();

        (await read.Within()).Should().Be("what a command printed, and went on");
    }

    [LinuxTheory]
    [InlineData("/dev/zero", "a device")]
    [InlineData("/proc", "a folder")]
    public void Read_WhatIsNoFile_IsRefused(string path, string kind) =>
        Reading(path).Should().Throw<OutsideFileException>().WithMessage($"{path} cannot be read: it is {kind}, not a file.");

    [LinuxTheory]
    [InlineData("/proc/self/status")]
    public void Read_AFileThatDoesNotTellItsLength_IsReadToTheEnd(string path) =>
        Encoding.UTF8.GetString(OutsideFile.Read(path, 100_000)).Should().StartWith("Name:").And.EndWith("\n");

    [Fact]
    public void Read_WhatTheParserThrows_IsTheFilesFault()
    {
        string path = Written("nonsense");

        Action read = () => OutsideFile.Read<int>(path, 1000, _ => throw new InvalidTimeZoneException("a type on nobody's list"));

        read.Should().Throw<OutsideFileException>().WithMessage($"{path} cannot be used: a type on nobody's list");
    }

    [Fact]
    public void Read_OutOfMemory_IsNobodysFile()
    {
        string path = Written("");

#pragma warning disable CA2201 // What the runtime throws.
        Action read = () => OutsideFile.Read<int>(path, 1000, _ => throw new OutOfMemoryException());
#pragma warning restore CA2201

        read.Should().Throw<OutOfMemoryException>();
    }

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public void ReadText_WithAByteOrderMark_IsReadWithoutIt(string encoding)
    {
        string path = _folder.File("marked");
        File.WriteAllText(path, "-----BEGIN", Encoding.GetEncoding(encoding));

        OutsideFile.ReadText(path, 1000).Should().Be("-----BEGIN");
    }

    private static Action Reading(string path) => () => OutsideFile.Read(path, 1000);

    private string Written(string content)
    {
        string path = _folder.File("file");
        File.WriteAllText(path, content);
        return path;
    }
}
