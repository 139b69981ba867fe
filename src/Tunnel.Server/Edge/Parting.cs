using System.IO.Pipelines;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>
/// The end of a connection on which the last word is ours. A close with unread bytes would reset the connection, and the
/// visitor might lose that word before reading it: so what it still sends is taken for a while, and thrown away. Slowly, and
/// the more slowly the more of them there are: visitors that send on and on cost next to nothing, all of them together.
/// </summary>
internal sealed class Parting(TimeProvider time)
{
    /// <summary>How long a visitor that should not have come is heard.</summary>
    private static readonly TimeSpan ShortTime = TimeSpan.FromSeconds(2);

    /// <summary>Bytes that are taken of one before each rest: with few of them some forty million in half a minute.</summary>
    private const int BeforeRest = 64 * 1024;

    private static readonly TimeSpan LeastRest = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(1);

    /// <summary>So many have their <see cref="LeastRest"/>; beyond, rests grow with the number.</summary>
    private const int Few = 32;

    private int _count;

    private TimeSpan Rest
    {
        get
        {
            TimeSpan rest = LeastRest * Math.Max(1.0, Volatile.Read(ref _count) / (double)Few);
            return rest < LongestRest ? rest : LongestRest;
        }
    }

    /// <summary>Ends our sending, and takes for a short while what the visitor still sends.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    public async ValueTask EndAsync(IConnection link)
    {
        await link.Output.CompleteAsync();
        await HearOutAsync(link.Input, ShortTime, ShortTime);
    }

    /// <summary>Takes what comes until the visitor ends its sending, has sent nothing for a while, or has had its time.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    public async ValueTask HearOutAsync(PipeReader input, TimeSpan longest, TimeSpan silence)
    {
        Interlocked.Increment(ref _count);
        try
        {
            await TakeAsync(input, longest, silence);
        }
        finally
        {
            Interlocked.Decrement(ref _count);
        }
    }

    private async ValueTask TakeAsync(PipeReader input, TimeSpan longest, TimeSpan silence)
    {
        long since = time.GetTimestamp();
        long taken = 0;
        using var limit = new CancellationTokenSource(silence, time);
        using CancellationTokenRegistration late = limit.Token.UnsafeRegister(static input => ((PipeReader)input!).CancelPendingRead(), input);
        while (!limit.IsCancellationRequested)
        {
            ReadResult read = await input.ReadAsync(CancellationToken.None);
            taken += read.Buffer.Length;
            input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }

            if (taken >= BeforeRest)
            {
                taken = 0;
                await Task.Delay(Rest, time, CancellationToken.None);
            }

            TimeSpan left = longest - time.GetElapsedTime(since);
            if (left <= TimeSpan.Zero)
            {
                return;
            }

            limit.CancelAfter(left < silence ? left : silence);
        }
    }
}
