using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Tunnel.Transport.Tls;

/// <summary>
/// The encrypted side of a <see cref="TlsConnection"/> as the stream that <see cref="System.Net.Security.SslStream"/>
/// wants. During the handshake every write goes out at once; afterwards writes only collect, and whoever has records to
/// send calls <see cref="SendAsync"/>, once for all of them.
/// </summary>
/// <remarks>
/// <para>A read is given no more than the rest of one record (RFC 8446 section 5.1). So the engine never holds a record that it has
/// not looked at, and its reader can wait for the next one outside of it (<see cref="HasRecord"/>).</para>
/// <para>A read that waits inside all the same, because the record was none of application data, gives up <see cref="Gate"/> for as
/// long: whoever holds it knows that nobody is at work inside the TLS engine, which allows a read and a write at the same time but
/// no shutdown beside a read.</para>
/// </remarks>
internal sealed class LinkStream(IDuplexPipe link) : Stream
{
    // change_cipher_spec to application_data.
    private const byte FirstRecordType = 20;
    private const byte LastRecordType = 23;
    private const int RecordHeader = 5;

    // 2^14 bytes and what encryption may add (RFC 5246 section 6.2.3). Whoever announces more is not waited for: the engine refuses it.
    private const int MostFragment = (1 << 14) + 2048;

    private readonly Lock _writing = new();
    private bool _isOpen;
    private bool _hasHeard;

    // What the engine has still to get of the record that it was given the start of.
    private int _left;

    // As long as it is so, nobody need ask the link.
    private bool _isRecordThere;

    /// <summary>The link ended, whether or not the peer had announced it.</summary>
    public bool SawEnd { get; private set; }

    /// <summary>The first byte that came begins no TLS record (RFC 8446 section 5.1): something else is spoken there.</summary>
    public bool SawNoTls { get; private set; }

    /// <summary>Held by the reader while it is at work inside the engine.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The handshake is over.</summary>
    public void Open() => _isOpen = true;

    /// <summary>
    /// Looks at what the link has read, and leaves it there. True: a record is there as a whole, or the link has ended, and what the
    /// engine reads next is at hand.
    /// </summary>
    public bool HasRecord(in ReadResult read)
    {
        _isRecordThere = !read.IsCanceled && (read.IsCompleted || read.Buffer.Length >= Missing(read.Buffer));
        link.Input.AdvanceTo(read.Buffer.Start, _isRecordThere || read.IsCanceled ? read.Buffer.Start : read.Buffer.End);
        return _isRecordThere;
    }

    /// <remarks>Before each read proper the engine asks with no room, so as to rent some only when something is there.</remarks>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_isRecordThere && buffer.IsEmpty)
        {
            return new(0);
        }

        return link.Input.TryRead(out ReadResult read) && TryTake(read, buffer, out int taken)
            ? new(taken)
            : WaitAsync(buffer, cancellationToken);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // A reader that answers the peer inside the engine may meet the writer here.
        lock (_writing)
        {
            link.Output.Write(buffer.Span);
        }

        return _isOpen ? ValueTask.CompletedTask : FlushOutputAsync(cancellationToken);
    }

    /// <summary>
    /// Sends the records collected. As with writing, a reader that answers the peer inside the engine may come in between: under
    /// TLS 1.3 a key update asks for an answer at any time, and some engines write it from within a read.
    /// </summary>
    public ValueTask<FlushResult> SendAsync(CancellationToken cancellationToken)
    {
        lock (_writing)
        {
            return link.Output.FlushAsync(cancellationToken);
        }
    }

    /// <summary>Sends what is left, and then the end of our sending.</summary>
    public ValueTask EndAsync()
    {
        lock (_writing)
        {
            return link.Output.CompleteAsync();
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Gate.Dispose();
        }

        base.Dispose(disposing);
    }

    private async ValueTask FlushOutputAsync(CancellationToken cancellationToken) => await link.Output.FlushAsync(cancellationToken);

    private async ValueTask<int> WaitAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_isOpen)
        {
            Gate.Release();
        }

        try
        {
            int taken;
            while (!TryTake(await link.Input.ReadAsync(cancellationToken), buffer, out taken))
            {
            }

            return taken;
        }
        finally
        {
            if (_isOpen)
            {
                await Gate.WaitAsync(CancellationToken.None);
            }
        }
    }

    // False: not even the header of a record is there.
    private bool TryTake(in ReadResult read, Memory<byte> buffer, out int taken)
    {
        ReadOnlySequence<byte> bytes = read.Buffer;
        if (read.IsCanceled)
        {
            link.Input.AdvanceTo(bytes.Start);
            throw new ReadCancelledException();
        }

        int missing = Missing(bytes);
        if (bytes.Length < RecordHeader && bytes.Length < missing && !read.IsCompleted)
        {
            taken = 0;
            link.Input.AdvanceTo(bytes.Start, bytes.End);
            return false;
        }

        bytes = bytes.Slice(0, Math.Min(Math.Min(bytes.Length, buffer.Length), missing));
        bytes.CopyTo(buffer.Span);
        taken = (int)bytes.Length;
        _left = missing - taken;
        _isRecordThere &= buffer.IsEmpty;
        if (!_hasHeard && taken > 0)
        {
            _hasHeard = true;
            SawNoTls = buffer.Span[0] is < FirstRecordType or > LastRecordType;
        }

        SawEnd |= read.IsCompleted && bytes.IsEmpty && !buffer.IsEmpty;
        link.Input.AdvanceTo(bytes.End);
        return true;
    }

    // Bytes to the end of the next record, or of the one that the engine has the start of. What is no record that TLS knows is the
    // engine's to refuse: all that is there of it.
    private int Missing(in ReadOnlySequence<byte> bytes)
    {
        if (_left > 0)
        {
            return _left;
        }

        if (bytes.Length < RecordHeader)
        {
            return RecordHeader;
        }

        Span<byte> header = stackalloc byte[RecordHeader];
        bytes.Slice(0, RecordHeader).CopyTo(header);
        int fragment = BinaryPrimitives.ReadUInt16BigEndian(header[3..]);
        return header[0] is < FirstRecordType or > LastRecordType || header[1] != 3 || fragment > MostFragment
            ? (int)bytes.Length
            : RecordHeader + fragment;
    }
}

/// <summary>Somebody cancelled the pending read. An <see cref="IOException"/>, because the engine lets those pass as they are.</summary>
internal sealed class ReadCancelledException() : IOException("The read was cancelled.");
