namespace Tunnel.Framing.Sessions;

/// <summary>Where one direction of a stream stands (docs/protocol.md, section 4, states).</summary>
internal enum HalfState : byte
{
    Open,
    Finished,
    Reset,
}

/// <summary>What receiving a RESET asks of us.</summary>
internal readonly record struct ResetEffect(bool FailsReceiving, bool MustAnswer);

/// <summary>The two halves of a stream, and nothing but the transitions of docs/protocol.md, section 4.</summary>
internal struct StreamHalves
{
    public HalfState Sending { get; private set; }

    public HalfState Receiving { get; private set; }

    /// <summary>We have sent RESET: what still comes is dropped.</summary>
    public bool ResetWasSent { get; private set; }

    public readonly bool IsClosed => Sending != HalfState.Open && Receiving != HalfState.Open;

    public void FinSent() => Sending = HalfState.Finished;

    public void FinReceived() => Receiving = HalfState.Finished;

    public void ResetSent()
    {
        ResetWasSent = true;
        if (Sending == HalfState.Open)
        {
            Sending = HalfState.Reset;
        }
    }

    public ResetEffect ResetReceived()
    {
        var effect = new ResetEffect(
            FailsReceiving: Receiving == HalfState.Open,
            MustAnswer: Sending == HalfState.Open);
        if (Receiving == HalfState.Open)
        {
            Receiving = HalfState.Reset;
        }

        return effect;
    }

    /// <summary>The session is gone: what was open is reset.</summary>
    public void Lost()
    {
        Sending = Sending == HalfState.Open ? HalfState.Reset : Sending;
        Receiving = Receiving == HalfState.Open ? HalfState.Reset : Receiving;
    }
}
