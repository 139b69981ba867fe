namespace Tunnel.Server.Forwarding;

/// <summary>What an exchange means for the visitor's connection.</summary>
internal enum ExchangeEnd
{
    /// <summary>Both messages are complete: another request may follow (step 10).</summary>
    Reusable,

    /// <summary>The answer is complete, the connection is not to be used again.</summary>
    AnsweredUnread,

    /// <summary>The connection has ended, or is to end as it stands.</summary>
    Closed,
}
