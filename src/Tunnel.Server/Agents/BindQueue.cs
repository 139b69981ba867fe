using System.Threading.Channels;
using Tunnel.Framing.Frames;

namespace Tunnel.Server.Agents;

/// <summary>
/// BIND and UNBIND of one session: one after the other in the order they came, and away from the reader loop, because a
/// claim may wait until the holder of a name has shown whether it is there (docs/protocol.md, section 6).
/// </summary>
internal sealed class BindQueue(AgentSession session, TunnelClaims claims)
{
    /// <summary>How many may wait behind the one that is being handled: every tunnel of a session goes and another one comes.</summary>
    public const int Most = 2 * ProtocolLimits.Tunnels;

    /// <summary>
    /// BINDs that are handled at once, all tunnels of a session twice over. Each takes a name's locks, a place in several tables and
    /// perhaps a port and a write to the disk, so the next ones get their turn one by one.
    /// </summary>
    private const int AtOnce = 2 * ProtocolLimits.Tunnels;

    private static readonly TimeSpan Supply = TimeSpan.FromSeconds(1) / ProtocolLimits.BindsPerSecond;

    private readonly Channel<Work> _waiting = Channel.CreateBounded<Work>(new BoundedChannelOptions(Most) { SingleReader = true });

    // BINDs that may be handled now; below zero: the next has to wait. The worker's alone.
    private double _turns = AtOnce;
    private long _countedAt;

    /// <exception cref="ProtocolViolationException">Too many wait.</exception>
    public void Add(TunnelRequest bind) => Add(new Work(bind, Unbind: null));

    /// <inheritdoc cref="Add(TunnelRequest)"/>
    public void Add(UnbindMessage unbind) => Add(new Work(Bind: null, unbind));

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

    private void Add(in Work work)
    {
        if (!_waiting.Writer.TryWrite(work))
        {
            throw new ProtocolViolationException(CloseCode.Flood, $"More than {Most} BINDs and UNBINDs that wait for their turn.");
        }
    }

    private async Task WorkAsync(CancellationToken over)
    {
        try
        {
            await foreach (Work work in _waiting.Reader.ReadAllAsync(over))
            {
                if (work.Bind is { } bind)
                {
                    await WaitForTurnAsync(over);
                    session.Session.Send(FrameKind.Bound, await claims.BindAsync(session, bind, over));
                }
                else
                {
                    session.Drop(work.Unbind!.Id);
                }
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // The session has ended: nobody is left to be answered.
        }
        catch
        {
            session.Close(CloseCode.InternalError, "a fault on this side; its log has more");
            throw;
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

    /// <summary>One of the two.</summary>
    private readonly record struct Work(TunnelRequest? Bind, UnbindMessage? Unbind);
}
