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
    private readonly ForwardingServices _services;
    private readonly Ageing _ageing;

    public ExchangeShelf(ForwardingServices services)
    {
        _services = services;
        _ageing = new Ageing(services.Time, KeepFor, () =>
        {
            _shelf.Age(static exchange => exchange.Retire());
            return _shelf.Count > 0;
        });
    }

    /// <summary>An exchange for this visitor and nobody else, until it is returned or dropped.</summary>
    public Exchange Rent(IVisitorRequest request, IVisitorAnswer answer)
    {
        Exchange exchange = _shelf.TryTake(out Exchange? spare) ? spare : new Exchange(_services);
        exchange.Begin(request, answer);
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
        else
        {
            exchange.Retire();
        }
    }

    /// <summary>Something of it may be at work still, after a fault of ours: it serves nobody any more.</summary>
    public static void Drop(Exchange exchange)
    {
        exchange.Reset();
        exchange.Retire();
    }

    public void Dispose() => _ageing.Dispose();
}
