using System.Buffers;
using System.Diagnostics;
using System.Text;

namespace Tunnel.TestSupport;

/// <summary>
/// A pool that watches its users. Every block is new and poisoned when it comes back, so a use after return reads
/// <see cref="Poison"/>, and a write after return is found. Disposing it (or <see cref="AssertAllReturned"/>) fails
/// with the stack of the rent for each block still out, and with the stacks of every misuse seen on the way.
/// </summary>
public sealed class LeakCheckingPool : MemoryPool<byte>
{
    /// <summary>What returned memory is filled with.</summary>
    public const byte Poison = 0xDD;

    // Enough to catch a late writer, not enough to hold the memory of a large transfer.
    private const int Quarantine = 256;

    private readonly Lock _gate = new();
    private readonly HashSet<Rental> _out = [];
    private readonly Queue<Rental> _returned = new();
    private readonly List<string> _misuses = [];
    private readonly bool _exact;
    private readonly List<TaskCompletionSource> _waitingForEmpty = [];
    private long _rents;
    private long _bytesOut;
    private long _mostBytesOut;

    /// <param name="exact">True: blocks are exactly as big as asked for, the harshest reading of the contract.</param>
    public LeakCheckingPool(bool exact = false) => _exact = exact;

    public override int MaxBufferSize => Array.MaxLength;

    /// <summary>Blocks out at the moment.</summary>
    public int RentedCount
    {
        get
        {
            lock (_gate)
            {
                return _out.Count;
            }
        }
    }

    /// <summary>Bytes out at the moment.</summary>
    public long RentedBytes => Interlocked.Read(ref _bytesOut);

    /// <summary>The most bytes that were ever out at once.</summary>
    public long MostRentedBytes => Interlocked.Read(ref _mostBytesOut);

    /// <summary>Rents so far.</summary>
    public long TotalRents => Interlocked.Read(ref _rents);

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(minBufferSize, -1);
        var wanted = minBufferSize <= 0 ? 4096 : minBufferSize;
        var size = _exact ? wanted : (int)Math.Max(4096, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)wanted));
        var rental = new Rental(this, size);
        lock (_gate)
        {
            _rents++;
            _out.Add(rental);
            _bytesOut += size;
            _mostBytesOut = Math.Max(_mostBytesOut, _bytesOut);
        }

        return rental;
    }

    /// <summary>Completes when nothing is out.</summary>
    public Task WhenEmptyAsync()
    {
        lock (_gate)
        {
            if (_out.Count == 0)
            {
                return Task.CompletedTask;
            }

            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waitingForEmpty.Add(waiter);
            return waiter.Task;
        }
    }

    /// <exception cref="InvalidOperationException">Something is out, or something was misused.</exception>
    public void AssertAllReturned()
    {
        var report = new StringBuilder();
        lock (_gate)
        {
            foreach (var rental in _returned)
            {
                CheckPoison(rental);
            }

            foreach (var misuse in _misuses)
            {
                report.AppendLine(misuse);
            }

            foreach (var rental in _out)
            {
                report.AppendLine("Never returned. Rented" + Environment.NewLine + rental.RentedAt);
            }
        }

        if (report.Length > 0)
        {
            throw new InvalidOperationException(report.ToString());
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            AssertAllReturned();
        }
    }

    private void Return(Rental rental)
    {
        TaskCompletionSource[] empty = [];
        lock (_gate)
        {
            if (!_out.Remove(rental))
            {
                var misuse = $"Returned twice, now{Environment.NewLine}{Environment.StackTrace}{Environment.NewLine}"
                    + $"before{Environment.NewLine}{rental.ReturnedAt}{Environment.NewLine}rented{Environment.NewLine}{rental.RentedAt}";
                _misuses.Add(misuse);
                throw new InvalidOperationException(misuse);
            }

            _bytesOut -= rental.Bytes.Length;
            rental.ReturnedAt = new StackTrace();
            rental.Bytes.AsSpan().Fill(Poison);
            _returned.Enqueue(rental);
            if (_returned.Count > Quarantine)
            {
                CheckPoison(_returned.Dequeue());
            }

            if (_out.Count == 0)
            {
                empty = [.. _waitingForEmpty];
                _waitingForEmpty.Clear();
            }
        }

        foreach (var waiter in empty)
        {
            waiter.TrySetResult();
        }
    }

    private void CheckPoison(Rental rental)
    {
        if (rental.Bytes.AsSpan().ContainsAnyExcept(Poison))
        {
            _misuses.Add($"Written to after its return{Environment.NewLine}{rental.ReturnedAt}{Environment.NewLine}"
                + $"rented{Environment.NewLine}{rental.RentedAt}");
            rental.Bytes.AsSpan().Fill(Poison);
        }
    }

    private sealed class Rental(LeakCheckingPool pool, int size) : IMemoryOwner<byte>
    {
        public byte[] Bytes { get; } = new byte[size];

        // Turned into text only for a report: a transfer rents thousands of times.
        public StackTrace RentedAt { get; } = new();

        public StackTrace? ReturnedAt { get; set; }

        public Memory<byte> Memory
        {
            get
            {
                ObjectDisposedException.ThrowIf(ReturnedAt is not null, this);
                return Bytes;
            }
        }

        public void Dispose() => pool.Return(this);
    }
}
