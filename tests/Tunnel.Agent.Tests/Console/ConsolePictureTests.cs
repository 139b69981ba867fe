using Microsoft.Extensions.Logging;
using Tunnel.Agent.Connection;
using Tunnel.Agent.Console;
using Tunnel.Agent.Tunnels;

namespace Tunnel.Agent.Tests.Console;

public sealed class ConsolePictureTests
{
    private static readonly DateTimeOffset Noon = new(2030, 1, 2, 12, 0, 0, TimeSpan.Zero);

    private static readonly ConsoleState Busy = new(
        "online",
        Mood.Good,
        "tunnel.com:9090 (tunnel-server/1.2.3)",
        TimeSpan.FromMilliseconds(12.4),
        "0123456789abcdef",
        [
            new TunnelLine("web", "https://demo.tunnel.com", "http://localhost:5173", TunnelState.Online, "", new TrafficFigures(1, 1234, 12.3, TimeSpan.FromMilliseconds(4.25), TimeSpan.FromMilliseconds(81), 5_300_000)),
            new TunnelLine("db", "", "localhost:5432", TunnelState.Refused, "Port 5432 is taken.", default),
        ],
        [
            new RequestLine(Noon, "GET", "/index.html", "200", Mood.Plain, TimeSpan.FromMilliseconds(3.1), 2048, "203.0.113.5"),
            new RequestLine(Noon.AddSeconds(-1), "DELETE", "/a/long/path/that/does/not/fit/here?at=all", "origin-timeout", Mood.Bad, TimeSpan.FromSeconds(60), 0, "2001:db8::1:2:3:4:5"),
        ],
        [new ConsoleNote(Noon, LogLevel.Warning, 1, "The tunnel db was refused: Port 5432 is taken. [name-conflict]")]);

    [Fact]
    public void Draw_At60Columns_PutsFiguresUnderTheAddressAndLeavesOutTheVisitor() => Plain(60, 24).Should().Be("""
        tunnel-agent  online
        server        tunnel.com:9090 (tunnel-server/1.2.3)
        round trip    12 ms
        token         0123456789abcdef

         OPEN    TOTAL  REQ/S      P50      P90     BYTES
        https://demo.tunnel.com
            1     1234   12.3   4.3 ms    81 ms    5.1 MB
        db (refused)
            0        0    0.0        -        -       0 B
          Port 5432 is taken.

        METHOD  PATH                        STATUS     TOOK     SIZE
        GET     /index.html                    200   3.1 ms   2.0 KB
        DELETE  /a/long/path/tha..  origin-timeout   60.0 s      0 B

        12:00:00  The tunnel db was refused: Port 5432 is taken.
                  [name-conflict]
        """);

    [Fact]
    public void Draw_At80Columns_HasALineForEachTunnel() => Plain(80, 24).Should().Be("""
        tunnel-agent  online
        server        tunnel.com:9090 (tunnel-server/1.2.3)
        round trip    12 ms
        token         0123456789abcdef

        NAME  TUNNEL                    OPEN    TOTAL  REQ/S      P50      P90     BYTES
        web   https://demo.tunnel.com      1     1234   12.3   4.3 ms    81 ms    5.1 MB
        db    db (refused)                 0        0    0.0        -        -       0 B
          Port 5432 is taken.

        TIME      METHOD  PATH                                  STATUS     TOOK     SIZE
        12:00:00  GET     /index.html                              200   3.1 ms   2.0 KB
        11:59:59  DELETE  /a/long/path/that/does/not..  origin-timeout   60.0 s      0 B

        12:00:00  The tunnel db was refused: Port 5432 is taken. [name-conflict]
        """);

    [Fact]
    public void Draw_At200Columns_HasNamesOriginsAndWholeVisitors() => Plain(200, 24).Should().Be("""
        tunnel-agent  online
        server        tunnel.com:9090 (tunnel-server/1.2.3)
        round trip    12 ms
        token         0123456789abcdef

        NAME  TUNNEL                   LOCAL                   OPEN    TOTAL  REQ/S      P50      P90     BYTES
        web   https://demo.tunnel.com  http://localhost:5173      1     1234   12.3   4.3 ms    81 ms    5.1 MB
        db    db (refused)             localhost:5432             0        0    0.0        -        -       0 B
          Port 5432 is taken.

        TIME      METHOD  PATH                                                STATUS     TOOK     SIZE  VISITOR
        12:00:00  GET     /index.html                                            200   3.1 ms   2.0 KB  203.0.113.5
        11:59:59  DELETE  /a/long/path/that/does/not/fit/here?at=all  origin-timeout   60.0 s      0 B  2001:db8::1:2:3:4:5

        12:00:00  The tunnel db was refused: Port 5432 is taken. [name-conflict]
        """);

    [Theory]
    [InlineData(20)]
    [InlineData(37)]
    [InlineData(53)]
    [InlineData(79)]
    [InlineData(81)]
    [InlineData(113)]
    [InlineData(160)]
    public void Draw_AtAnyWidthAndHeight_FitsIn(int width)
    {
        foreach (int height in (int[])[1, 5, 10, 17, 24, 60])
        {
            IReadOnlyList<string> lines = Draw(Busy, width, height);
            lines.Count.Should().BeLessThanOrEqualTo(height);
            lines.Should().OnlyContain(line => line.Length <= width);
        }
    }

    [Fact]
    public void Draw_ManyTunnels_LeavesRoomForRequests()
    {
        ConsoleState state = Busy with { Tunnels = [.. Enumerable.Range(0, 64).Select(i => Busy.Tunnels[0] with { Url = $"https://t{i}.tunnel.com" })] };
        IReadOnlyList<string> lines = Draw(state, 80, 24);
        lines.Should().Contain("  ... 64 tunnels, 64 online").And.Contain(line => line.Contains("/index.html", StringComparison.Ordinal));
    }

    [Fact]
    public void Draw_TextThatLooksLikeMarkup_IsShownAsItIs()
    {
        RequestLine hostile = Busy.Requests[0] with { Target = "/[red]x[/]?[link=http://evil]" };
        string text = string.Join('\n', Draw(Busy with { Requests = [hostile], State = "[bold]online[/" }, 120, 24));
        text.Should().Contain("/[red]x[/]?[link=http://evil]").And.Contain("[bold]online[/");
    }

    [Fact]
    public void Draw_WithoutColors_HasNoColorSequence()
    {
        string text = string.Join('\n', new ConsolePicture(TextStyles.Bold).Draw(Busy, 80, 24));
        text.Should().NotMatchRegex("\e\\[[0-9;]*[349][0-7]m");
        string.Join('\n', new ConsolePicture(TextStyles.Colors).Draw(Busy, 80, 24)).Should().MatchRegex("\e\\[[0-9;]*3[0-7]m");
    }

    [Fact]
    public void Describe_EachState_IsAWord()
    {
        Words(new AgentStatus(AgentState.Connected)).Should().Be("online");
        Words(new AgentStatus(AgentState.Offline, "Connecting.")).Should().Be("connecting");
        Words(new AgentStatus(AgentState.Offline, "Gone.", Noon.AddSeconds(2.5))).Should().Be("offline, trying again in 3 s: Gone.");
        Words(new AgentStatus(AgentState.Reconnecting, "Lost.", Noon.AddSeconds(1))).Should().Be("holding, reconnecting in 1 s: Lost.");
        Words(new AgentStatus(AgentState.Reconnecting, "Lost.", Noon)).Should().Be("holding, reconnecting: Lost.");
        Words(new AgentStatus(AgentState.Connected), isStopping: true).Should().Be("stopping: 3 requests finish; Ctrl-C ends them");
        Words(new AgentStatus(AgentState.Connected), isStopping: true, streams: 1).Should().Be("stopping: 1 request finishes; Ctrl-C ends it");
        Words(new AgentStatus(AgentState.Connected), isStopping: true, streams: 0).Should().Be("stopping");
        Words(new AgentStatus(AgentState.Offline), exit: AgentExit.Stopped).Should().Be("stopped");
        Words(new AgentStatus(AgentState.Offline), exit: AgentExit.TokenRefused).Should().Be("gave up");
        Words(new AgentStatus(AgentState.Offline, "a\u001b[2Jb", Noon)).Should().NotContain("\u001b");
    }

    private static string Words(AgentStatus status, bool isStopping = false, AgentExit? exit = null, int streams = 3) =>
        LiveConsole.Describe(new AgentView(status, 1, streams, new ServerFacts("", null), null, [], exit), isStopping, Noon).Words;

    private static string Plain(int width, int height) => string.Join('\n', Draw(Busy, width, height));

    private static IReadOnlyList<string> Draw(ConsoleState state, int width, int height) =>
        new ConsolePicture(TextStyles.None).Draw(state, width, height);
}
