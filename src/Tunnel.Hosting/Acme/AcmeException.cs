namespace Tunnel.Hosting.Acme;

/// <summary>Who or what kept a certificate from coming about.</summary>
public enum AcmeFault
{
    /// <summary>The CA was not reached, or broke off.</summary>
    Unreachable,

    /// <summary>It was reached, and is not the one that is trusted for its directory.</summary>
    NotTrusted,

    /// <summary>It answered with something that is not ACME.</summary>
    Nonsense,

    /// <summary>It refused, and said why.</summary>
    Refused,

    /// <summary>It looked for the proof that a name is ours, and did not find it.</summary>
    NotProved,

    /// <summary>It did not come to an end in time; what was begun is gone on with at the next try.</summary>
    TooSlow,
}

/// <summary>No certificate came of it. The message is a sentence that says what happened.</summary>
public sealed class AcmeException(AcmeFault fault, string message, AcmeProblem? problem = null, TimeSpan? retryAfter = null, Exception? inner = null)
    : Exception(message, inner)
{
    public AcmeFault Fault => fault;

    /// <summary>What the CA said of it; null: nothing.</summary>
    public AcmeProblem? Problem => problem;

    /// <summary>The CA is not to be asked before; null: it named no time.</summary>
    public TimeSpan? RetryAfter => retryAfter;
}
