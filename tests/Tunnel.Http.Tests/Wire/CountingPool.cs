using System.Buffers;

namespace Tunnel.Http.Tests.Wire;

/// <summary>
/// A pool that knows what is out, spoils what comes back, and hands the same owners out again, so that it allocates nothing
/// in steady state. A buffer read after its return shows up as garbage.
/// </summary>
internal sealed class CountingPool : MemoryPool<byte>
{
    private readonly Stack<Owner> _free = new();

    public int Outstanding { get; private set; }

    public int Rented { get; private set; }

    public override int MaxBufferSize => int.MaxValue;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        Outstanding++;
        Rented++;
        var owner = _free.Count > 0 && _free.Peek().Size >= minBufferSize ? _free.Pop() : new Owner(this, minBufferSize);
        owner.IsOut = true;
        return owner;
    }

    protected override void Dispose(bool disposing)
    {
    }

    private sealed class Owner(CountingPool pool, int size) : IMemoryOwner<byte>
    {
        private readonly byte[] _bytes = new byte[Math.Max(size, 1)];

        public bool IsOut { get; set; }

        public int Size => _bytes.Length;

        public Memory<byte> Memory => IsOut ? _bytes : throw new ObjectDisposedException(nameof(Owner));

        public void Dispose()
        {
            if (!IsOut)
            {
                throw new InvalidOperationException("A buffer came back twice.");
            }

            IsOut = false;
            _bytes.AsSpan().Fill(0xDB);
            pool.Outstanding--;
            pool._free.Push(this);
        }
    }
}
