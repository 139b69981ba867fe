using System.Buffers;
using System.IO.Pipelines;

namespace Tunnel.Transport.Tls;

/// <summary>
/// The encrypted side of a <see cref="TlsConnection"/> as the stream that <see cref="System.Net.Security.SslStream"/>
/// wants. During the handshake every write goes out at once; afterwards writes only collect, and whoever has records to
/// send calls <see cref="SendAsync"/>, once for all of them.
/// </summary>
/// <remarks>
/// A read that waits gives up <see cref="Gate"/> for as long: whoever holds it knows that nobody is at work inside the TLS
/// engine, which allows a read and a write at the same time but no shutdown beside a read.
/// </remarks>
internal sealed class LinkStream(IDuplexPipe link) : Stream
{
    // change_cipher_spec to application_data.
    private const byte FirstRecordType = 20;
    private const byte LastRecordType = 23;

    private readonly Lock _writing = new();
    private bool _isOpen;
    private bool _hasHeard;

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

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        link.Input.TryRead(out ReadResult read) ? new(Take(read, buffer)) : WaitAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // A reader that answers the peer inside the engine may meet the writer here.
        lock (_writing)
        {
            link.Output.Write(buffer.Span);
        }

        if (!_isOpen)
        {
            await link.Output.FlushAsync(cancellationToken);
        }
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

    private async ValueTask<int> WaitAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (!_isOpen)
        {
            return Take(await link.Input.ReadAsync(cancellationToken), buffer);
        }

        Gate.Release();
        try
        {
            return Take(await link.Input.ReadAsync(cancellationToken), buffer);
        }
        finally
        {
            await Gate.WaitAsync(CancellationToken.None);
        }
    }

    private int Take(in ReadResult read, Memory<byte> buffer)
    {
        ReadOnlySequence<byte> bytes = read.Buffer;
        if (read.IsCanceled)
        {
            link.Input.AdvanceTo(bytes.Start);
            throw new ReadCancelledException();
        }

        bytes = bytes.Slice(0, Math.Min(bytes.Length, buffer.Length));
        bytes.CopyTo(buffer.Span);
        if (!_hasHeard && !bytes.IsEmpty)
        {
            _hasHeard = true;
            SawNoTls = buffer.Span[0] is < FirstRecordType or > LastRecordType;
        }

        SawEnd |= read.IsCompleted && bytes.IsEmpty && !buffer.IsEmpty;
        link.Input.AdvanceTo(bytes.End);
        return (int)bytes.Length;
    }
}

/// <summary>Somebody cancelled the pending read. An <see cref="IOException"/>, because the engine lets those pass as they are.</summary>
internal sealed class ReadCancelledException() : IOException("The read was cancelled.");
