using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>The table of docs/protocol.md, section 4: every state, every event.</summary>
public sealed class StreamHalvesTests
{
    public enum Event
    {
        FinSent,
        FinReceived,
        ResetSent,
        ResetReceived,
        Lost,
    }

    public static TheoryData<string, string, Event, string, string> Transitions()
    {
        var rows = new TheoryData<string, string, Event, string, string>();
        string[] states = ["Open", "Finished", "Reset"];
        foreach (string sending in states)
        {
            foreach (string receiving in states)
            {
                // A half ends once: FIN is an event of an open half only.
                if (sending == "Open")
                {
                    rows.Add(sending, receiving, Event.FinSent, "Finished", receiving);
                }

                if (receiving == "Open")
                {
                    rows.Add(sending, receiving, Event.FinReceived, sending, "Finished");
                }

                rows.Add(sending, receiving, Event.ResetSent, sending == "Open" ? "Reset" : sending, receiving);
                rows.Add(sending, receiving, Event.ResetReceived, sending, receiving == "Open" ? "Reset" : receiving);
                rows.Add(
                    sending, receiving, Event.Lost, sending == "Open" ? "Reset" : sending, receiving == "Open" ? "Reset" : receiving);
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Transitions))]
    public void Halves_OnEvent_GoWhereThePageSays(string sending, string receiving, Event @event, string nextSending, string nextReceiving)
    {
        StreamHalves halves = At(sending, receiving);
        bool resetWasSent = halves.ResetWasSent;
        switch (@event)
        {
            case Event.FinSent:
                halves.FinSent();
                break;
            case Event.FinReceived:
                halves.FinReceived();
                break;
            case Event.ResetSent:
                halves.ResetSent();
                resetWasSent = true;
                break;
            case Event.ResetReceived:
                halves.ResetReceived().Should().Be(
                    new ResetEffect(FailsReceiving: receiving == "Open", MustAnswer: sending == "Open"));
                break;
            default:
                halves.Lost();
                break;
        }

        (halves.Sending.ToString(), halves.Receiving.ToString()).Should().Be((nextSending, nextReceiving));
        halves.ResetWasSent.Should().Be(resetWasSent);
        halves.IsClosed.Should().Be(nextSending != "Open" && nextReceiving != "Open");
    }

    private static StreamHalves At(string sending, string receiving)
    {
        var halves = default(StreamHalves);
        if (sending == "Finished")
        {
            halves.FinSent();
        }
        else if (sending == "Reset")
        {
            halves.ResetSent();
        }

        if (receiving == "Finished")
        {
            halves.FinReceived();
        }
        else if (receiving == "Reset")
        {
            halves.ResetReceived();
        }

        return halves;
    }
}
