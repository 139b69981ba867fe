using Tunnel.Server.Edge;
using Tunnel.Transport.Buffers;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Exchanges that serve nobody at the moment. A connection has one only from the first byte of a request to the last of its
/// answer, so there are as many as requests are under way, not as connections are open.
/// </summary>
internal sealed class ExchangeShelf : IDisposable
{
    /// <summary>Most that are kept; each is worth a few KiB.</summary>
    private const int Most = 4096;

    /// <summary>What nobody needed for this long is left to the collector.</summary>
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(10);

    private readonly Shelf<Exchange> _shelf = new(Most);
    private readonly Ageing _ageing;

    public ExchangeShelf(TimeProvider time)
    {
        _ageing = new Ageing(time, KeepFor, () =>
        {
            _shelf.Age();
            return _shelf.Count > 0;
        });
    }

    /// <summary>An exchange for this visitor and nobody else, until it is returned.</summary>
    public Exchange Rent(VisitorConnection visitor)
    {
        Exchange exchange = _shelf.TryTake(out Exchange? spare) ? spare : new Exchange(visitor.Services);
        exchange.Begin(visitor);
        return exchange;
    }

    /// <summary>Nothing of it is at work any more. Whatever it knew of its visitor is gone when this returns.</summary>
    public void Return(Exchange exchange)
    {
        exchange.Reset();
        if (_shelf.TryPut(exchange))
        {
            _ageing.Wake();
        }
    }

    public void Dispose() => _ageing.Dispose();
}
