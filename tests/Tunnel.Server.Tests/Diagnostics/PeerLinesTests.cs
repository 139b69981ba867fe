using System.Net;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Tests.Diagnostics;

public sealed class PeerLinesTests
{
    private static readonly IPAddress Peer = IPAddress.Parse("2001:db8:1:2::1");
    private readonly FakeTimeProvider _clock = new();
    private readonly LogLines _log = new();
    private readonly PeerLines _lines;

    public PeerLinesTests() => _lines = new PeerLines(_clock, _log);

    [Fact]
    public void Burst_OfOnePeer_LeavesOneLineAMinuteWithItsCount()
    {
        int[] lines = [.. Enumerable.Range(0, 10_000).Select(i => _lines.Due(IPAddress.Parse($"2001:db8:1:2::{i:x}"), "a matter")).Where(count => count > 0)];

        lines.Should().Equal(1);
        _lines.Due(Peer, "another matter").Should().Be(1);
        _clock.Advance(PeerLines.Between);
        _lines.Due(Peer, "a matter").Should().Be(10_000);
    }

    [Fact]
    public void Peers_WithoutEnd_HaveSoManyLinesInAllAndAreNotRemembered()
    {
        int lines = 0;
        for (int minute = 0; minute < 3; minute++)
        {
            lines += Enumerable.Range(0, 50_000).Count(i => _lines.Due(new IPAddress([10, (byte)minute, (byte)(i >> 8), (byte)i]), "a matter") > 0);
            _clock.Advance(PeerLines.Between);
        }

        lines.Should().Be(3 * PeerLines.Most);
        _lines.Count.Should().BeLessThanOrEqualTo(3 * PeerLines.Most);
        _log.All.Should().HaveCount(2).And.OnlyContain(line => line.Contains("49900 lines"), "what was left out is said when its minute is over");
    }
}
