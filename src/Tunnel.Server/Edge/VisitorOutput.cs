using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Tunnel.Http.Heads;
using Tunnel.Server.Forwarding;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>
/// What goes to the visitor, as HTTP/1.1. While a flush has to wait, a <see cref="FlushWatch"/> looks at its pace. Not in raw mode.
/// </summary>
internal sealed class VisitorOutput : PipeWriter, IVisitorAnswer
{
    private readonly IConnection _connection;
    private readonly PipeWriter _link;
    private readonly VisitorConnection _visitor;
    private readonly EdgeServices _services;
    private FlushWatch? _watch;
    private bool _isRaw;
    private long _moves;
    private bool _hasLeft;

    public VisitorOutput(IConnection connection, VisitorConnection visitor, EdgeServices services)
    {
        _connection = connection;
        _visitor = visitor;
        _link = connection.Output;
        _services = services;
    }

    public PipeWriter Body => this;

    public bool IsLast => _visitor.IsStopping;

    /// <summary>Rises with everything written.</summary>
    public long Moves => Volatile.Read(ref _moves);

    public async ValueTask PassInterimAsync(ResponseHead head)
    {
        AnswerHeadWriter.WriteInterim(this, head);
        await FlushAsync();
        _visitor.Input.UploadMayBegin(_services.Options.Visitors.Pace.Grace);
    }

    public BodyFraming WriteHead(ResponseHead head, RequestHead request, ref bool keepAlive)
    {
        _hasLeft = false;
        BodyFraming framing = AnswerHeadWriter.FramingFor(request.Version, head.Framing);
        keepAlive &= framing.Kind != BodyKind.UntilClose;
        AnswerHeadWriter.Write(this, head, request.Version, framing, keepAlive);
        return framing;
    }

    public int WriteError(EdgeError error, RequestHead request, string requestId, bool keepAlive)
    {
        if (error.Reason == RejectReason.Http2PriorKnowledge)
        {
            _services.Http2.Refuse(this, _visitor.Facts.AddressText);
            return 0;
        }

        return ErrorPage.Write(
            this, error, request, requestId, keepAlive, _services.Forwarding.Rules.HstsFor(_visitor.Facts), _services.Options.Pages.ErrorsUrl);
    }

    /// <summary>The bytes are not HTTP any more, and may wait for ever.</summary>
    public void EnterRaw()
    {
        _isRaw = true;
        _visitor.EnterRaw();
    }

    public void Abort() => _visitor.Abort();

    public bool TryTakeBack()
    {
        if (_hasLeft)
        {
            return false;
        }

        _connection.DiscardUnflushed();
        return true;
    }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _link.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => _link.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _link.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        Volatile.Write(ref _moves, _moves + 1);
        _link.Advance(bytes);
    }

    public override void CancelPendingFlush() => _link.CancelPendingFlush();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        _hasLeft = true;
        ValueTask<FlushResult> flush = _link.FlushAsync(cancellationToken);
        return flush.IsCompleted || _isRaw ? flush : AwaitAsync(flush);
    }

    public override void Complete(Exception? exception = null) => _link.Complete(exception);

    public override ValueTask CompleteAsync(Exception? exception = null) => _link.CompleteAsync(exception);

    /// <summary>The clock no longer watches.</summary>
    public void Close() => _watch?.Close();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> AwaitAsync(ValueTask<FlushResult> flush)
    {
        _watch ??= new FlushWatch(_connection, _services);
        _watch.Begin();
        try
        {
            return await flush;
        }
        finally
        {
            _watch.End();
        }
    }
}
