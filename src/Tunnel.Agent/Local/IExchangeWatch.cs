using System.Buffers;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;

namespace Tunnel.Agent.Local;

/// <summary>Somebody who watches requests and raw connections go by. Called from any thread; must neither block nor throw.</summary>
internal interface IExchangeWatch
{
    /// <summary>An exchange begins.</summary>
    public IExchangeObserver Begin(in OpenHeader open);
}

/// <summary>
/// One exchange as it is watched. Bytes and heads are the exchange's own and valid within the call: whoever keeps some copies
/// them. Both directions run at the same time; each of them makes one call at a time.
/// </summary>
internal interface IExchangeObserver
{
    /// <summary>A request is about to go to the origin. Not called for raw connections.</summary>
    /// <param name="start">The canonical head, as much of it as has come, and perhaps more.</param>
    public void OnRequest(in ReadOnlySequence<byte> start);

    /// <summary>The origin's final head, or a 101.</summary>
    public void OnAnswer(ResponseHead head);

    /// <summary>So many bytes of content or of a connection have gone to the origin.</summary>
    public void OnSent(long bytes);

    /// <summary>So many bytes of content or of a connection have come from the origin.</summary>
    public void OnReceived(long bytes);

    /// <summary>It is over; nothing is called any more.</summary>
    /// <param name="code">Why it ended early; null: it was complete.</param>
    public void OnEnded(ResetCode? code);
}
