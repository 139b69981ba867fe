using Tunnel.Server.Routing;

namespace Tunnel.Server.Tests.Routing;

/// <summary>Which names have a page for browsers that wait, and until when.</summary>
public sealed class WaitingPageTests
{
    [Fact]
    public async Task Name_WithItsAgentThere_HasNone()
    {
        await using var names = new Registration();
        TunnelHolder holder = names.Detached();
        names.Bind("a.test", holder, waitingPage: true);
        names.Registry.HasWaitingPage("a.test"u8).Should().BeTrue("its agent has no link");
        names.Attach(holder);
        names.Registry.HasWaitingPage("a.test"u8).Should().BeFalse();
        names.Registry.HasWaitingPage("b.test"u8).Should().BeFalse();
        names.Registry.HasWaitingPage(new byte[300]).Should().BeFalse();
    }

    [Fact]
    public async Task Name_WhoseTunnelDidNotAsk_HasNone()
    {
        await using var names = new Registration();
        names.Bind("a.test", names.Detached());
        names.Registry.HasWaitingPage("a.test"u8).Should().BeFalse();
    }

    [Fact]
    public async Task Name_WhoseAgentIsGone_KeepsItAsTheLastOneWantedIt()
    {
        await using var names = new Registration();
        names.Registry.Unbind(names.Bind("a.test", names.Attached(instance: 'a'), waitingPage: true));
        names.Time.Advance(TimeSpan.FromHours(9));
        names.Registry.HasWaitingPage("a.test"u8).Should().BeTrue();
        names.Registry.Unbind(names.Bind("a.test", names.Attached(instance: 'b')));
        names.Registry.HasWaitingPage("a.test"u8).Should().BeFalse();
    }

    [Fact]
    public async Task Name_ThatWasClaimedAndNeverServed_HasNone()
    {
        await using var names = new Registration();
        ServedTunnel claim = names.Tunnel("a.test", names.Attached(), waitingPage: true);
        names.Registry.TryClaim([claim], out _).Should().BeTrue();
        names.Registry.TakeBack([claim], []);
        names.Registry.HasWaitingPage("a.test"u8).Should().BeFalse();
    }

    [Fact]
    public void Names_BeyondTheMost_ForgetTheOldest()
    {
        var names = new RememberedNames(most: 2);
        foreach (string name in (string[])["a", "b", "a", "c"])
        {
            names.Set(name, isRemembered: true);
        }

        names.Contains("b").Should().BeFalse();
        names.Contains("a").Should().BeTrue("it was said again after that");
        names.Set("a", isRemembered: false);
        names.Set("a", isRemembered: false);
        names.Contains("a").Should().BeFalse();
        names.Contains("c").Should().BeTrue();
    }
}
