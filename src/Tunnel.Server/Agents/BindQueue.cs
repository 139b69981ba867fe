using System.Threading.Channels;
using Tunnel.Framing.Frames;

namespace Tunnel.Server.Agents;

/// <summary>
/// BIND and UNBIND of one session, away from the reader loop: they get their turn in the order they came, and one whose claim has to
/// wait until the holder of a name has shown whether it is there holds up only those of the same number or name
/// (docs/protocol.md, section 6).
/// </summary>
internal sealed class BindQueue(AgentSession session, TunnelClaims claims)
{
    /// <summary>How many may wait, for their turn or for a holder: every tunnel of a session goes and another one comes.</summary>
    public const int Most = 2 * ProtocolLimits.Tunnels;

    /// <summary>Bytes of those: every tunnel with the largest guard.</summary>
    private const int MostBytes = ProtocolLimits.Tunnels * ProtocolLimits.BindPayload;

    /// <summary>
    /// BINDs that are handled at once, all tunnels of a session twice over. Each takes a name's locks, a place in several tables and
    /// perhaps a port and a write to the disk, so the next ones get their turn one by one.
    /// </summary>
    private const int AtOnce = 2 * ProtocolLimits.Tunnels;

    private static readonly TimeSpan Supply = TimeSpan.FromSeconds(1) / ProtocolLimits.BindsPerSecond;

    // Bounded by what is counted in Add.
    private readonly Channel<Work> _waiting = Channel.CreateUnbounded<Work>(new UnboundedChannelOptions { SingleReader = true });

    // The worker's alone: those that had their turn, the finished ones of which are swept out with the next.
    private readonly List<Work> _underWay = [];
    private int _count;
    private long _bytes;

    // BINDs that may be handled now; below zero: the next has to wait. The worker's alone.
    private double _turns = AtOnce;
    private long _countedAt;

    /// <param name="bytes">Of its payload.</param>
    /// <exception cref="ProtocolViolationException">Too many wait.</exception>
    public void Add(TunnelRequest bind, long bytes) => Add(new Work(bind, bind.Id, bytes));

    /// <inheritdoc cref="Add(TunnelRequest, long)"/>
    public void Add(UnbindMessage unbind, long bytes) => Add(new Work(null, unbind.Id, bytes));

    /// <summary>Handles what is added until the session has ended; a claim that waits then is given up.</summary>
    /// <exception cref="Exception">A fault of ours; the session is closed.</exception>
    public async Task RunAsync()
    {
        using var over = new CancellationTokenSource();
        Task working = WorkAsync(over.Token);
        await session.Session.Ended;
        await over.CancelAsync();
        await working;
    }

    private void Add(Work work)
    {
        if (Interlocked.Increment(ref _count) > Most || Interlocked.Add(ref _bytes, work.Bytes) > MostBytes)
        {
            throw new ProtocolViolationException(CloseCode.Flood, $"More than {Most} BINDs and UNBINDs that wait, or {MostBytes} bytes of them.");
        }

        _waiting.Writer.TryWrite(work);
    }

    private async Task WorkAsync(CancellationToken over)
    {
        try
        {
            await foreach (Work work in _waiting.Reader.ReadAllAsync(over))
            {
                if (work.Bind is not null)
                {
                    await WaitForTurnAsync(over);
                }

                _underWay.RemoveAll(static other => other.Done.IsCompletedSuccessfully);
                work.Done = HandleAsync(work, [.. _underWay.Where(work.Concerns).Select(static other => other.Done)], over);
                _underWay.Add(work);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // The session has ended: nobody is left to be answered.
        }
        finally
        {
            await Task.WhenAll(_underWay.Select(static work => work.Done));
        }
    }

    private async Task HandleAsync(Work work, Task[] before, CancellationToken over)
    {
        try
        {
            await Task.WhenAll(before);
            if (work.Bind is { } bind)
            {
                session.Answer(await claims.BindAsync(session, bind, over));
            }
            else
            {
                session.Drop(work.Id);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // As above.
        }
        catch
        {
            session.Close(CloseCode.InternalError, "a fault on this side; its log has more");
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _count);
            Interlocked.Add(ref _bytes, -work.Bytes);
        }
    }

    private async Task WaitForTurnAsync(CancellationToken over)
    {
        TimeProvider time = session.Session.Options.Time;
        long now = time.GetTimestamp();
        _turns = Math.Min(AtOnce, _turns + (time.GetElapsedTime(_countedAt, now) / Supply));
        _countedAt = now;
        _turns--;
        if (_turns < 0)
        {
            await Task.Delay(-_turns * Supply, time, over);
        }
    }

    /// <param name="Bind">Null: an UNBIND.</param>
    /// <param name="Id">The agent's number for the tunnel.</param>
    private sealed record Work(TunnelRequest? Bind, uint Id, long Bytes)
    {
        // As it was asked for; null: the server chooses, or it is an UNBIND.
        private readonly string? _name = Bind?.Hostname ?? Bind?.Subdomain ?? Bind?.Port?.ToString(System.Globalization.CultureInfo.InvariantCulture);

        public Task Done { get; set; } = Task.CompletedTask;

        /// <summary>Whether one of the two has to be through before the other begins.</summary>
        public bool Concerns(Work other) => Id == other.Id || (_name is not null && string.Equals(_name, other._name, StringComparison.OrdinalIgnoreCase));
    }
}
