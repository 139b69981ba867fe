namespace Tunnel.Server.Agents;

/// <summary>
/// The dials of one session in their order: a number that is not the highest ever proved is out of date, and two dials
/// never change the session's link at the same time (docs/protocol.md, section 7).
/// </summary>
internal sealed class AttachOrder : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private long _highest;

    /// <summary>Takes note of a number whose proof holds; false when it is not higher than every one before.</summary>
    public bool TryClaim(long number)
    {
        while (true)
        {
            long highest = Interlocked.Read(ref _highest);
            if (number <= highest)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref _highest, number, highest) == highest)
            {
                return true;
            }
        }
    }

    /// <summary>No newer dial has come since.</summary>
    public bool IsNewest(long number) => Interlocked.Read(ref _highest) == number;

    /// <summary>Waits until the dial before has got its link or failed. Dispose the result to let the next one.</summary>
    public async Task<Turn> WaitAsync(CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        return new Turn(_turn);
    }

    public void Dispose() => _turn.Dispose();

    public readonly struct Turn(SemaphoreSlim turn) : IDisposable
    {
        public void Dispose() => turn.Release();
    }
}
