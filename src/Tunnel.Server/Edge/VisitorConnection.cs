using System.IO.Pipelines;
using Tunnel.Http.Heads;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Forwarding;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Server.Edge;

/// <summary>
/// One visitor's connection: reads request heads one after the other and has each of them served (DESIGN section 3,
/// steps 1 to 3 and 10). Owns the link; one task runs it from accept to end.
/// </summary>
internal sealed class VisitorConnection : IDeadlineTarget
{
    /// <summary>After our last words the connection closes when the visitor has sent nothing for this long.</summary>
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(2);

    /// <summary>How long we take what a visitor still sends after our last words.</summary>
    private static readonly TimeSpan LongestLinger = TimeSpan.FromSeconds(30);

    /// <summary>How long a visitor that has ended its sending may wait for an answer during which nothing moves.</summary>
    private static readonly TimeSpan HalfClosedTime = TimeSpan.FromSeconds(30);

    private readonly EdgeServices _services;
    private readonly SocketConnection _link;
    private readonly VisitorInput _input;
    private readonly VisitorOutput _output;
    private readonly RequestHead _request;
    private readonly RequestHeadParser _parser;
    private readonly Exchange _exchange;
    private readonly Deadline _deadline;
    private volatile Phase _phase = Phase.Waiting;
    private volatile bool _isLate;
    private volatile bool _isStopping;
    private volatile bool _awaitsContinue;

    public VisitorConnection(EdgeServices services, SocketConnection link, VisitorFacts facts)
    {
        _services = services;
        _link = link;
        _input = new VisitorInput(link.Input, OnHalfClosed, OnBroken);
        _output = new VisitorOutput(link.Output, services.Clock, link.Abort);
        _request = new RequestHead(services.Pool);
        _parser = new RequestHeadParser(services.Options.Http);
        _exchange = new Exchange(services, this, facts);
        _deadline = services.Clock.Add(this);
    }

    private enum Phase
    {
        /// <summary>For the first byte of a head.</summary>
        Waiting,

        /// <summary>For the rest of it.</summary>
        InHead,

        InExchange,

        /// <summary>The same, and waiting for the visitor's upload to go on.</summary>
        InUpload,

        /// <summary>Turned over after a 101: no clock of ours runs.</summary>
        Raw,

        /// <summary>Our last words are sent; what still comes is thrown away.</summary>
        Lingering,
    }

    public VisitorInput Input => _input;

    public VisitorOutput Output => _output;

    public RequestHead Request => _request;

    /// <summary>The connection serves no further request.</summary>
    public bool IsStopping => _isStopping;

    /// <summary>Runs until the connection has ended; never throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            bool mustLinger = false;
            while (!mustLinger && await ReadHeadAsync())
            {
                _phase = Phase.InExchange;
                _awaitsContinue = false;
                ExchangeEnd end = await _exchange.RunAsync();
                _request.Reset();
                if (end == ExchangeEnd.Closed)
                {
                    break;
                }

                mustLinger = end == ExchangeEnd.AnsweredUnread;
            }

            if (mustLinger)
            {
                await LingerAsync();
            }

            await _output.CompleteAsync();
        }
        catch (IOException)
        {
            // The visitor's connection broke outside an exchange: nobody is left to tell.
            _link.Abort();
        }
        catch (Exception error)
        {
            // A fault of ours costs one connection, with its name in the log, not the process.
            ServerLog.ConnectionFault(_services.Log, error);
            _link.Abort();
        }
        finally
        {
            _services.Clock.Remove(_deadline);
            _output.Close();
            await _input.CloseAsync();
            _request.Reset();
            _exchange.Reset();
            await _link.DisposeAsync();
        }
    }

    /// <summary>No further request: an idle connection closes, a busy one after its answer.</summary>
    public void Stop()
    {
        _isStopping = true;
        _input.CancelPendingRead();
    }

    /// <summary>
    /// Waits for more of the upload, no longer than so. Returns a cancelled read when that was too long, or when somebody
    /// else cancelled it: <see cref="IsLate"/> tells.
    /// </summary>
    public async ValueTask<ReadResult> ReadUploadAsync(TimeSpan within)
    {
        _isLate = false;
        _phase = Phase.InUpload;
        Interlocked.MemoryBarrier();
        if (!_awaitsContinue)
        {
            _deadline.Set(within);
        }

        try
        {
            return await _input.ReadAsync();
        }
        finally
        {
            _deadline.Clear();
            _phase = Phase.InExchange;
        }
    }

    /// <summary>
    /// The visitor waits for a 100 before it sends its body, so its upload is not slow; <see cref="UploadMayBegin"/> says
    /// when it has been told.
    /// </summary>
    public void AwaitContinue() => _awaitsContinue = true;

    /// <summary>The visitor has been told to go on.</summary>
    public void UploadMayBegin()
    {
        _awaitsContinue = false;
        Interlocked.MemoryBarrier();
        if (_phase == Phase.InUpload)
        {
            _deadline.Set(Pace.Grace);
        }
    }

    /// <summary>The time for what was waited for last has passed.</summary>
    public bool IsLate => _isLate;

    /// <summary>From here on the bytes are not HTTP.</summary>
    public void EnterRaw()
    {
        _phase = Phase.Raw;
        _output.IsRaw = true;
        _deadline.Clear();
    }

    /// <summary>Ends the connection at once; the visitor sees that it broke.</summary>
    public void Abort()
    {
        _link.Abort();
        _exchange.Cancel();
    }

    void IDeadlineTarget.OnDeadline()
    {
        switch (_phase)
        {
            case Phase.Waiting or Phase.InHead or Phase.InUpload or Phase.Lingering:
                _isLate = true;
                _input.CancelPendingRead();
                break;
            case Phase.InExchange when _exchange.HasMoved():
                _deadline.Set(HalfClosedTime);
                break;
            case Phase.Raw:
                break;
            default:
                Abort();
                break;
        }
    }

    // Step 2. Returns false when there is nothing (more) to serve; whatever had to be said has been said.
    private async ValueTask<bool> ReadHeadAsync()
    {
        _phase = Phase.Waiting;
        _isLate = false;
        _deadline.Set(_services.Options.IdleTime);
        while (true)
        {
            ValueTask<ReadResult> reading = _input.ReadAsync();
            if (_isStopping && _phase == Phase.Waiting)
            {
                // What has arrived is served still; nothing is waited for.
                _input.CancelPendingRead();
            }

            ReadResult read = await reading;
            bool isIdle = _phase == Phase.Waiting && read.Buffer.IsEmpty;
            if (read.IsCanceled && (_isLate || _isStopping) && (isIdle || (_isLate && _phase == Phase.InHead)))
            {
                _input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                return !isIdle && await RejectAsync(RejectReason.HeadTimeout);
            }

            ParseOutcome outcome = _parser.Parse(read.Buffer, _request, out SequencePosition consumed, out SequencePosition examined);
            bool isEmpty = read.Buffer.IsEmpty;
            _input.AdvanceTo(consumed, examined);
            switch (outcome)
            {
                case ParseOutcome.Complete:
                    _deadline.Clear();

                    // It may have passed a moment ago: that was about the head, and the head is here.
                    _isLate = false;
                    return true;
                case ParseOutcome.Rejected:
                    return await RejectAsync(_parser.Reason);
                case ParseOutcome.NeedMore when read.IsCompleted:
                    return !isEmpty && await RejectAsync(RejectReason.HeadTruncated);
                case ParseOutcome.NeedMore when !isEmpty && _phase == Phase.Waiting:
                    // From the first byte on the time is absolute; more bytes do not extend it.
                    _phase = Phase.InHead;
                    _isLate = false;
                    _deadline.Set(_services.Options.HeadTime);
                    break;
            }
        }
    }

    private async ValueTask<bool> RejectAsync(RejectReason reason)
    {
        await _exchange.RejectAsync(reason);
        await LingerAsync();
        return false;
    }

    // A close with unread bytes would reset the connection, and the visitor might lose the answer before reading it. So
    // what it still sends is taken for a while; afterwards the system goes on delivering what it has.
    private async ValueTask LingerAsync()
    {
        await _output.CompleteAsync();
        _isLate = false;
        _phase = Phase.Lingering;
        long since = _services.Time.GetTimestamp();
        do
        {
            _deadline.Set(LingerTime);
            ReadResult read = await _input.ReadAsync();
            _input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
        while (!_isLate && _services.Time.GetElapsedTime(since) < LongestLinger);
    }

    // Nobody is left to be answered.
    private void OnBroken() => _exchange.Cancel();

    private void OnHalfClosed()
    {
        if (_phase == Phase.InExchange)
        {
            _deadline.Set(HalfClosedTime);
        }
    }
}
