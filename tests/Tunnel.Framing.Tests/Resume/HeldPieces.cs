using System.Buffers;

namespace Tunnel.Framing.Tests.Resume;

/// <summary>What links were given to send in place and are through with, but have not let go of: for how long, a seed says.</summary>
internal sealed class HeldPieces(int seed)
{
    private const int Most = 100;

    private readonly Lock _lock = new();
    private readonly Random _random = new(seed);
    private readonly List<Piece> _held = [];
    private bool _isOver;

    /// <summary>Some bytes of a frame, and what they were when the link got them.</summary>
    internal sealed record Piece(IMemoryOwner<byte> Owner, ReadOnlyMemory<byte> Bytes, byte[] AsGiven);

    /// <summary>Pieces whose bytes changed while a link had them.</summary>
    public int Spoilt { get; private set; }

    /// <summary>Pieces there have been.</summary>
    public int Count { get; private set; }

    /// <summary>Takes these over, and lets go of some.</summary>
    public void Hold(List<Piece> pieces)
    {
        lock (_lock)
        {
            _held.AddRange(pieces);
            pieces.Clear();
            for (int left = _isOver ? 0 : _random.Next(Most); _held.Count > left;)
            {
                LetGo(_random.Next(_held.Count));
            }
        }
    }

    /// <summary>Lets go of everything, now and from now on.</summary>
    public void LetGo()
    {
        lock (_lock)
        {
            _isOver = true;
            Hold([]);
        }
    }

    private void LetGo(int which)
    {
        Piece piece = _held[which];
        _held.RemoveAt(which);
        Spoilt += piece.Bytes.Span.SequenceEqual(piece.AsGiven) ? 0 : 1;
        Count++;
        piece.Owner.Dispose();
    }
}
