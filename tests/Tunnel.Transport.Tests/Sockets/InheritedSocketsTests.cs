using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

/// <summary>What the environment says of listening sockets; that they work is shown with real processes (tests/drills, takeover).</summary>
public sealed class InheritedSocketsTests
{
    private const int Me = 4711;

    [Theory]
    [InlineData(null, "2")]
    [InlineData("", "2")]
    [InlineData("4710", "2")]
    [InlineData(" 4711", "2")]
    public void Sockets_MeantForAnotherProcess_AreNotOurs(string? pid, string count) =>
        Take(pid, count, "http:agent").Should().BeNull();

    [Theory]
    [InlineData(null, null, "*LISTEN_FDS*")]
    [InlineData("", null, "*LISTEN_FDS*")]
    [InlineData("0", null, "*LISTEN_FDS*")]
    [InlineData("-1", null, "*LISTEN_FDS*")]
    [InlineData("65", null, "*LISTEN_FDS*")]
    [InlineData("two", null, "*LISTEN_FDS*")]
    [InlineData("2", "http", "*1 names for 2 sockets*")]
    [InlineData("1", "http:agent", "*2 names for 1 sockets*")]
    public void Variables_ThatMakeNoSense_AreNamed(string? count, string? names, string says)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        Action take = () => Take("4711", count, names);
        take.Should().Throw<ArgumentException>().WithMessage(says);
    }

    private static InheritedSockets? Take(string? pid, string? count, string? names) => InheritedSockets.Take(
        name => name switch
        {
            "LISTEN_PID" => pid,
            "LISTEN_FDS" => count,
            "LISTEN_FDNAMES" => names,
            _ => null,
        },
        Me);
}
