using Tunnel.Framing.Frames;
using Tunnel.Server.Agents;
using Tunnel.Server.Identity;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Agents;

/// <summary>The limit of sessions, of one identity here, and who stands in for whom at it.</summary>
public sealed class SessionPlacesTests
{
    [Fact]
    public async Task Agent_StartedAgainAtTheLimit_HasThePlaceOfItsPast()
    {
        await using var room = new AgentRoom(mostSessions: 2);
        AgentSession past = await ServingAsync(room, 'a', "x");
        await ServingAsync(room, 'b', "y");
        AgentSession again = room.NewSession('a');

        room.Places.Enter(again).Should().BeNull();
        (await room.ClaimAsync(again, AgentRoom.Request(1, "x"))).Should().BeNull();

        past.Session.Ended.IsCompleted.Should().BeTrue();
    }

    [Fact]
    public async Task Herd_StartedAgainAtTheLimit_HasItsPlaces()
    {
        await using var room = new AgentRoom(mostSessions: 8);
        for (char name = 'a'; name <= 'h'; name++)
        {
            await ServingAsync(room, name, $"n{name}");
        }

        // All have said HELLO before the first is answered.
        AgentSession[] herd = [.. "abcdefgh".Select(name => room.NewSession(name))];
        herd.Select(room.Places.Enter).Should().OnlyContain(limit => limit == null);
        foreach (AgentSession again in herd)
        {
            string name = $"n{again.Holder.Instance.Id[0]}";
            (await room.ClaimAsync(again, AgentRoom.Request(1, name))).Should().BeNull("{0} is its own", name);
        }
    }

    [Fact]
    public async Task Agent_ThatWantsMoreThanItsPastHad_IsOneTooMany()
    {
        await using var room = new AgentRoom(mostSessions: 1);
        AgentSession first = await ServingAsync(room, 'a', "x");
        AgentSession second = room.NewSession('a');

        (await room.ClaimAsync(second, AgentRoom.Request(1, "y")))!.Code.Should().Be(RejectCodes.TooManySessions);

        room.Registry.IsServed("y.test").Should().BeFalse();
        room.Registry.IsServed("x.test").Should().BeTrue();
        first.Session.Ended.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Session_ThatLeaves_CountsAgainstAllButItsSuccessor()
    {
        await using var room = new AgentRoom(mostSessions: 1);
        AgentSession first = await ServingAsync(room, 'a', "x");
        first.Leave(TimeSpan.FromSeconds(30));
        AgentSession second = await ServingAsync(room, 'a', "x");
        second.Leave(TimeSpan.FromSeconds(30));

        AgentSession third = room.NewSession('a');

        (await room.ClaimAsync(third, AgentRoom.Request(1, "x")))!.Code.Should().Be(RejectCodes.TooManySessions);
        first.Session.Ended.IsCompleted.Should().BeFalse("it has its grace");
    }

    [Fact]
    public async Task Limit_ReachedBySessionsThatAreThere_IsToldAtOnce()
    {
        await using var room = new AgentRoom(mostSessions: 1);
        AgentSession holder = await ServingAsync(room, 'a', "x");
        AgentSession other = room.NewSession('b');
        room.Places.Enter(other).Should().Contain("Local agents have 1 sessions already");
        room.Places.Enter(room.NewSession('c', new AgentIdentity("0123456789abcdef", "other"))).Should().BeNull("it is another's limit");
        await holder.Session.DetachAsync();
        room.Places.Enter(other).Should().BeNull("what lost its link may give way");
    }

    [Fact]
    public async Task Sessions_InTheHopeOfAPlace_AreNoMoreThanPlacesMayBecomeFree()
    {
        await using var room = new AgentRoom(mostSessions: 2);
        AgentSession first = await ServingAsync(room, 'a', "x");
        await ServingAsync(room, 'b', "y");
        room.Places.Enter(room.NewSession('a')).Should().BeNull("its own past is there");
        room.Places.Enter(room.NewSession('a')).Should().NotBeNull("one of them is enough");
        room.Places.Enter(room.NewSession('c')).Should().NotBeNull("nobody has lost a link");
        await first.Session.DetachAsync();
        room.Places.Enter(room.NewSession('c')).Should().NotBeNull("that place is hoped for already");
    }

    [Fact]
    public async Task Session_ThatLostItsLastName_GivesUpItsPlaceAndMayHaveAnother()
    {
        await using var room = new AgentRoom(mostSessions: 1);
        AgentSession loser = room.NewSession('a');
        room.Places.Enter(loser).Should().BeNull();
        (await room.ClaimAsync(loser, AgentRoom.Request(1, "x"))).Should().BeNull();
        room.Time.Advance(TimeSpan.FromSeconds(5));
        AgentSession winner = room.NewSession('b');
        room.Places.Enter(winner).Should().BeNull();
        (await room.ClaimAsync(winner, AgentRoom.Request(1, "x"))).Should().BeNull();
        (loser.HasPlace, winner.HasPlace, loser.Session.Ended.IsCompleted).Should().Be((false, true, false));
        (await room.ClaimAsync(loser, AgentRoom.Request(1, "y")))!.Code.Should().Be(RejectCodes.TooManySessions);
        winner.Close(CloseCode.Normal, "its work is done");
        await winner.Life.Within();
        (await room.ClaimAsync(loser, AgentRoom.Request(1, "y"))).Should().BeNull();
        loser.HasPlace.Should().BeTrue();
    }

    private static async Task<AgentSession> ServingAsync(AgentRoom room, char name, string subdomain)
    {
        AgentSession session = room.NewSession(name);
        (await room.ClaimAsync(session, AgentRoom.Request(1, subdomain))).Should().BeNull();
        await room.AttachAsync(session);
        return session;
    }
}
