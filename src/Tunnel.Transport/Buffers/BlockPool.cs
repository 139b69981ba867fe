using System.Buffers;
using System.Runtime.CompilerServices;

namespace Tunnel.Transport.Buffers;

/// <summary>
/// Memory in blocks of 4, 16, 32 and 64 KiB, with owners that are reused, so that renting allocates nothing once the
/// pool is warm. A rent is served by the smallest class that fits; more than 64 KiB gets an array of exactly that
/// size, which is not kept. Safe from any thread. Blocks come back as they were left: nothing is cleared.
/// </summary>
/// <remarks>
/// Who rents returns, once, by disposing the owner. Disposing the pool forgets what is unused; owners still out
/// stay valid and are dropped when they come back.
/// </remarks>
public sealed class BlockPool : MemoryPool<byte>
{
    /// <summary>Bytes in a block of the smallest class; also what a rent without a size gets.</summary>
    public const int SmallBlock = 4 * 1024;

    /// <summary>Bytes in a block of the middle class.</summary>
    public const int MediumBlock = 16 * 1024;

    /// <summary>Bytes in a block of the class between the middle and the largest: what bulk is sent in.</summary>
    public const int WideBlock = 32 * 1024;

    /// <summary>Bytes in a block of the largest class.</summary>
    public const int LargeBlock = 64 * 1024;

    internal const int Unpooled = -1;

    /// <summary>
    /// So much garbage at once is worth a collection of its own: the collector would let it lie until it needs room. For a
    /// pool that may keep little, a quarter of that is much.
    /// </summary>
    private const int WorthCollecting = 8 * 1024 * 1024;

    private static readonly int[] ClassSizes = [SmallBlock, MediumBlock, WideBlock, LargeBlock];

    private readonly Shelf<Block>[] _shelves;
    private readonly ProcessorCell[] _cells;
    private readonly bool _strict;
    private readonly Ageing _ageing;
    private readonly long _worthCollecting;
    private volatile bool _disposed;

    /// <param name="options">Null: the defaults.</param>
    public BlockPool(BlockPoolOptions? options = null)
    {
        options ??= new BlockPoolOptions();
        options.Validate();
        _strict = options.Strict;
        _worthCollecting = Math.Clamp(options.RetainedBytesPerClass / 4, 1, WorthCollecting);
        _ageing = new Ageing(options.Time, options.KeepFor, Age);
        _shelves = [.. ClassSizes.Select(size => new Shelf<Block>(options.RetainedBytesPerClass / size))];
        var cells = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount);
        _cells = [.. Enumerable.Range(0, cells).Select(_ => new ProcessorCell())];
    }

    /// <inheritdoc/>
    public override int MaxBufferSize => Array.MaxLength;

    /// <summary>Owners out at the moment. Exact when nobody rents or returns meanwhile.</summary>
    public long RentedCount => _cells.Sum(static cell => Volatile.Read(ref cell.RentedCount));

    /// <summary>Bytes out at the moment, whole blocks counted.</summary>
    public long RentedBytes
    {
        get
        {
            long sum = 0;
            foreach (ProcessorCell cell in _cells)
            {
                sum += Volatile.Read(ref cell.RentedBytes);
            }

            return sum;
        }
    }

    /// <summary>Bytes kept for the next rent.</summary>
    public long RetainedBytes
    {
        get
        {
            long sum = 0;
            for (var i = 0; i < ClassSizes.Length; i++)
            {
                var at = i;
                sum += (long)ClassSizes[i] * (_shelves[i].Count + _cells.Count(cell => Volatile.Read(ref cell[at]) is not null));
            }

            return sum;
        }
    }

    /// <summary>The block size a rent of <paramref name="bytes"/> gets.</summary>
    public static int SizeFor(int bytes) => ClassOf(bytes) is var at and not Unpooled ? ClassSizes[at] : bytes;

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(minBufferSize, -1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, Array.MaxLength);

        var sizeClass = ClassOf(minBufferSize);
        var cell = CurrentCell();
        Block? block;
        if (sizeClass == Unpooled)
        {
            block = new Block(this, GC.AllocateUninitializedArray<byte>(minBufferSize), Unpooled);
        }
        else
        {
            block = Interlocked.Exchange(ref cell[sizeClass], null);
            if (block is null && !_shelves[sizeClass].TryTake(out block))
            {
                block = new Block(this, GC.AllocateUninitializedArray<byte>(ClassSizes[sizeClass]), sizeClass);
            }
        }

        block.MarkRented();
        cell.Count(1, block.Array.Length);
        return block;
    }

    /// <summary>Drops every block that is not rented.</summary>
    public void Trim()
    {
        for (var i = 0; i < ClassSizes.Length; i++)
        {
            foreach (var cell in _cells)
            {
                Interlocked.Exchange(ref cell[i], null);
            }

            _shelves[i].Clear();
        }
    }

    internal void Return(Block block)
    {
        var cell = CurrentCell();
        cell.Count(-1, -block.Array.Length);
        if (block.SizeClass == Unpooled || _disposed)
        {
            return;
        }

        // A strict pool lets the array live on under a new owner; the old one is spent for ever.
        var next = _strict ? new Block(this, block.Array, block.SizeClass) : block;
        if (Interlocked.Exchange(ref cell[block.SizeClass], next) is { } displaced)
        {
            _shelves[block.SizeClass].TryPut(displaced);
            _ageing.Wake();
        }
    }

    internal void OnReturnedTwice()
    {
        if (_strict)
        {
            throw new InvalidOperationException("A block was returned twice.");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _disposed = true;
        _ageing.Dispose();
        Trim();
    }

    private bool Age()
    {
        long dropped = 0;
        bool isAnyLeft = false;
        for (var i = 0; i < ClassSizes.Length; i++)
        {
            dropped += (long)_shelves[i].Age() * ClassSizes[i];
            isAnyLeft |= _shelves[i].Count > 0;
        }

        if (dropped >= _worthCollecting)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
        }

        return isAnyLeft;
    }

    private static int ClassOf(int bytes) => bytes switch
    {
        <= SmallBlock => 0,
        <= MediumBlock => 1,
        <= WideBlock => 2,
        <= LargeBlock => 3,
        _ => Unpooled,
    };

    private ProcessorCell CurrentCell() => _cells[Thread.GetCurrentProcessorId() & (_cells.Length - 1)];

    /// <summary>
    /// One processor's block of each class and its share of the counts: the hot path touches memory that no other
    /// processor writes to. The padding keeps neighbours off the same cache line.
    /// </summary>
    private sealed class ProcessorCell
    {
        public long RentedCount;
        public long RentedBytes;
        private Slots _slots;
#pragma warning disable CS0169, IDE0051, CA1823 // Never read: it only takes up room.
        private readonly Padding _padding;
#pragma warning restore CS0169, IDE0051, CA1823

        public ref Block? this[int sizeClass] => ref _slots[sizeClass];

        public void Count(long owners, long bytes)
        {
            Interlocked.Add(ref RentedCount, owners);
            Interlocked.Add(ref RentedBytes, bytes);
        }

        [InlineArray(4)]
        private struct Slots
        {
            private Block? _first;
        }

        [InlineArray(11)]
        private struct Padding
        {
            private long _first;
        }
    }
}
