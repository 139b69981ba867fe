using System.IO.Pipelines;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Resume;

/// <summary>
/// The links of a pair, made up from a seed: they live for a few bytes, only one side ever hears of them, they overtake each
/// other.
/// </summary>
/// <param name="held">Given: links send in place, and hold on to what they were given.</param>
internal sealed class LinkHistory(Random random, ResumablePair pair, HeldPieces? held = null)
{
    private static readonly int[] Lives = [0, 8, 40, 300, 5_000, 60_000, 400_000];

    private readonly List<Task> _attached = [];

    /// <summary>What becomes of an attempt to connect.</summary>
    private enum Fate
    {
        HelloIsLost,
        WelcomeIsNotSent,
        WelcomeIsLost,
        CutBeforeTheFirstFrame,
        AgentIsFirst,
        Up,
    }

    /// <summary>One link, from the attempt to connect to its cut; or a part of its life.</summary>
    /// <param name="all">When this is over there is nothing to wait for.</param>
    public async Task NextAsync(Task all)
    {
        var link = new ShortLink(Life(), Life());
        await ConnectAsync(link, (Fate)random.Next((int)Fate.Up + 3));
        await SomethingHappensAsync(Task.WhenAny(link.WhenCut, all));
        if (random.Next(3) > 0)
        {
            link.Cut();
        }
    }

    /// <summary>Completes when the sessions have let go of all links.</summary>
    public Task WhenLetGoAsync() => Task.WhenAll(_attached);

    // Each side gives its old link up before it states its count; what becomes of the new one is fate.
    private async Task ConnectAsync(ShortLink link, Fate fate)
    {
        ulong agentCount = await pair.Agent.DetachAsync();
        if (fate == Fate.HelloIsLost)
        {
            return;
        }

        ulong serverCount = await pair.Server.DetachAsync();
        bool goesOn = pair.Server.CanResumeAt(agentCount) || pair.Server.Ended.IsCompleted;
        goesOn.Should().BeTrue();
        switch (fate)
        {
            case Fate.WelcomeIsNotSent:
                return;
            case Fate.WelcomeIsLost:
                Attach(pair.Server, link.A, agentCount);
                await SomethingHappensAsync(link.WhenCut);
                return;
            case Fate.CutBeforeTheFirstFrame:
                link.Cut();
                break;
            case Fate.AgentIsFirst:
                Attach(pair.Agent, link.B, serverCount);
                await SomethingHappensAsync(link.WhenCut);
                Attach(pair.Server, link.A, agentCount);
                return;
        }

        Attach(pair.Server, link.A, agentCount);
        Attach(pair.Agent, link.B, serverCount);
    }

    private void Attach(Session session, IDuplexPipe link, ulong peerCount) => _attached.Add(session.AttachAsync(
        held is null ? link : new LinkEnd(link.Input, new InPlaceOutput(link.Output, held)), peerCount));

    // Some scheduling steps, and sometimes time enough for an ACK.
    private async Task SomethingHappensAsync(Task soonest)
    {
        for (int steps = random.Next(200); steps > 0 && !soonest.IsCompleted; steps--)
        {
            await Task.Yield();
        }

        pair.Time.Advance(TimeSpan.FromMilliseconds(random.Next(3) * 60));
    }

    private int Life() => Lives[random.Next(Lives.Length)] + random.Next(16);
}
