using Tunnel.Agent.Identity;

namespace Tunnel.Agent.Tests.Identity;

public sealed class HiddenLineTests
{
    [Theory]
    [InlineData("token\r", "token")]
    [InlineData("tokem\bn\n", "token")]
    [InlineData("\b\b\r", "")]
    [InlineData("to\u0001ken\u0004", "token")]
    [InlineData("0123456789abcdef\r", "0123456789")]
    public void Keys_UpToEnter_AreTheLine(string typed, string line)
    {
        var keys = new Queue<char>(typed);

        HiddenLine.Read(() => KeyOf(keys.Dequeue()), most: 10).Should().Be(line);

        keys.Should().BeEmpty();
    }

    private static ConsoleKeyInfo KeyOf(char typed) => new(
        typed,
        typed switch { '\b' => ConsoleKey.Backspace, '\r' or '\n' => ConsoleKey.Enter, _ => ConsoleKey.None },
        shift: false,
        alt: false,
        control: false);
}
