using System.IO.Pipelines;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Forwarding;
using Tunnel.Transport;

namespace Tunnel.Server.Edge;

/// <summary>
/// One visitor's connection: reads request heads one after the other and has each of them served (docs/architecture.md,
/// "The way of one request", steps 1, 2 and 10). Owns the link; one task runs it from accept to end. While it waits for a request it holds next
/// to nothing: what reads and serves one is rented with the first byte and given back with the last.
/// </summary>
internal sealed class VisitorConnection : IVisitor, IDeadlineTarget
{
    /// <summary>After our last words the connection closes when the visitor has sent nothing for this long.</summary>
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(2);

    /// <summary>How long we take what a visitor still sends after our last words.</summary>
    private static readonly TimeSpan LongestLinger = TimeSpan.FromSeconds(30);

    /// <summary>How long a visitor that has ended its sending may wait for an answer during which nothing moves.</summary>
    private static readonly TimeSpan HalfClosedTime = TimeSpan.FromSeconds(30);

    /// <summary>So long after an answer what the next request would find is given up.</summary>
    private static readonly TimeSpan RestAfter = TimeSpan.FromSeconds(2);

    private readonly EdgeServices _services;
    private readonly IConnection _link;
    private readonly Deadline _deadline;
    private readonly VisitorScheme _scheme;
    private readonly byte[]? _serverName;
    private VisitorFacts? _facts;
    private Exchange? _exchange;
    private RejectReason _rejected;
    private long _lastMoves;
    private volatile VisitorPhase _phase = VisitorPhase.Waiting;
    private volatile bool _isStopping;
    private volatile bool _isClosing;
    private volatile bool _isResting;

    /// <param name="serverName">As in <see cref="VisitorFacts.ServerName"/>.</param>
    public VisitorConnection(EdgeServices services, IConnection link, VisitorScheme scheme, byte[]? serverName = null)
    {
        _services = services;
        _link = link;
        _scheme = scheme;
        _serverName = serverName;
        Input = new VisitorInput(link.Input, this);
        Output = new VisitorOutput(link, this, services);
        _deadline = services.Clock.Add(this);
    }

    /// <summary>Who is connected.</summary>
    public VisitorFacts Facts =>
        Volatile.Read(ref _facts) ?? (_facts = new VisitorFacts(_link.RemoteEndPoint, _link.LocalEndPoint, _scheme) { ServerName = _serverName });

    public VisitorInput Input { get; }

    public VisitorOutput Output { get; }

    /// <summary>The next answer is the last of this connection, and says so.</summary>
    public bool IsStopping => _isStopping;

    /// <summary>What ends when the visitor leaves.</summary>
    public VisitorLifetime Lifetime { get; } = new();

    /// <inheritdoc/>
    public async Task RunAsync()
    {
        try
        {
            ExchangeEnd end = ExchangeEnd.Reusable;
            while (end == ExchangeEnd.Reusable)
            {
                // Step 2.
                BeginHead();
                HeadOutcome head;
                do
                {
                    head = TakeHead(await ReadForHeadAsync());
                }
                while (head == HeadOutcome.NeedMore);
                if (head == HeadOutcome.NoneComes)
                {
                    break;
                }

                if (head == HeadOutcome.Complete)
                {
                    _phase = VisitorPhase.InExchange;
                    Input.ForgetContinue();
                    end = await _exchange!.RunAsync();
                }
                else
                {
                    await _exchange!.RejectAsync(_rejected);
                    end = ExchangeEnd.AnsweredUnread;
                }

                GiveBackExchange();
            }

            if (end == ExchangeEnd.AnsweredUnread)
            {
                await LingerAsync();
            }

            await Output.CompleteAsync();
        }
        catch (IOException)
        {
            // The visitor's connection broke outside an exchange: nobody is left to tell.
            _link.Abort();
        }
        catch (Exception error)
        {
            // A fault of ours costs one connection, with its name in the log, not the process. What was at work on it
            // serves nobody else.
            ServerLog.ConnectionFault(_services.Log, error);
            _link.Abort();
            if (_exchange is { } exchange)
            {
                _exchange = null;
                ExchangeShelf.Drop(exchange);
            }
        }
        finally
        {
            Lifetime.Settle();
            _services.Registry.EndLogin(Lifetime.Login);
            _services.Clock.Remove(_deadline);
            Output.Close();
            await Input.CloseAsync();
            GiveBackExchange();
            await _link.DisposeAsync();
        }
    }

    /// <inheritdoc/>
    public Task WhenSettledAsync() => Lifetime.WhenSettledAsync();

    /// <inheritdoc/>
    public void Stop()
    {
        if (!_isStopping)
        {
            // A request may be on its way here that would fail if nobody took it.
            _isStopping = true;
            return;
        }

        _isClosing = true;
        Input.CancelPendingRead();
    }

    /// <summary>The exchange waits for more of the upload; how long it may is said by <see cref="LimitUploadWait"/>.</summary>
    public void BeginUploadWait()
    {
        _phase = VisitorPhase.InUpload;
        Interlocked.MemoryBarrier();
    }

    /// <summary>Limits the wait for the upload, if there is one.</summary>
    public void LimitUploadWait(TimeSpan within)
    {
        if (_phase == VisitorPhase.InUpload)
        {
            _deadline.Set(within);
        }
    }

    /// <summary>What the exchange waited for has come, or never will.</summary>
    public void EndUploadWait()
    {
        _deadline.Clear();
        _phase = VisitorPhase.InExchange;
    }

    /// <summary>From here on the bytes are not HTTP.</summary>
    public void EnterRaw()
    {
        _phase = VisitorPhase.Raw;
        _deadline.Set(_services.Options.Visitors.UpgradeIdleTime);
    }

    /// <inheritdoc/>
    public void Abort()
    {
        _link.Abort();
        OnBroken();
    }

    /// <summary>The visitor's connection broke: nobody is left to be answered.</summary>
    public void OnBroken() => Lifetime.Break();

    /// <summary>The visitor sends nothing more, and nobody reads: it waits for its answer, or is gone.</summary>
    public void OnHalfClosed()
    {
        if (Lifetime.IsWaiting)
        {
            OnBroken();
        }
        else if (_phase == VisitorPhase.InExchange)
        {
            Lifetime.MayBeGone();

            // What was sent to it before is no sign that it is there now.
            HasMoved();
            _deadline.Set(HalfClosedTime);
        }
    }

    void IDeadlineTarget.OnDeadline()
    {
        switch (_phase)
        {
            case VisitorPhase.Waiting when !_isResting:
                Rest();
                break;
            case VisitorPhase.Waiting or VisitorPhase.InHead or VisitorPhase.InUpload:
                Input.IsLate = true;
                Input.CancelPendingRead();
                break;
            case VisitorPhase.InExchange when HasMoved():
                _deadline.Set(HalfClosedTime);
                break;
            case VisitorPhase.Raw when HasMoved():
                _deadline.Set(_services.Options.Visitors.UpgradeIdleTime);
                break;
            case VisitorPhase.Lingering:
                break;
            default:
                Abort();
                break;
        }
    }

    private bool HasMoved()
    {
        long moves = Output.Moves + (_phase == VisitorPhase.Raw ? Input.Moves : 0);
        bool hasMoved = moves != _lastMoves;
        _lastMoves = moves;
        return hasMoved;
    }

    private void BeginHead()
    {
        // Set first: what passed until then was about the exchange.
        TimeSpan time = _services.Options.Visitors.IdleTime;
        bool rests = time > RestAfter;
        _deadline.Set(rests ? RestAfter : time);
        _isResting = !rests;
        _phase = VisitorPhase.Waiting;
        Input.IsLate = false;
        Lifetime.Unsettle();
    }

    /// <summary>No request comes soon: the early read is taken back for one that needs no task of its own, and the facts go.</summary>
    private void Rest()
    {
        _isResting = true;
        _deadline.Set(_services.Options.Visitors.IdleTime - RestAfter);
        Volatile.Write(ref _facts, null);
        Input.CancelPendingRead();
    }

    private ValueTask<ReadResult> ReadForHeadAsync()
    {
        ValueTask<ReadResult> reading = Input.ReadAsync();
        if (_isClosing && _phase == VisitorPhase.Waiting)
        {
            // What has arrived is served still; nothing is waited for.
            Input.CancelPendingRead();
        }

        return reading;
    }

    private HeadOutcome TakeHead(in ReadResult read)
    {
        bool isIdle = _phase == VisitorPhase.Waiting && read.Buffer.IsEmpty;
        if (read.IsCanceled && (Input.IsLate || _isClosing) && (isIdle || (Input.IsLate && _phase == VisitorPhase.InHead)))
        {
            Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            return isIdle ? HeadOutcome.NoneComes : Refused(RejectReason.HeadTimeout);
        }

        if (isIdle)
        {
            Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            return read.IsCompleted ? HeadOutcome.NoneComes : HeadOutcome.NeedMore;
        }

        _exchange ??= _services.Exchanges.Rent(Input, Output);
        ParseOutcome outcome = _exchange.Parse(read.Buffer, out SequencePosition consumed, out SequencePosition examined);
        Input.AdvanceTo(consumed, examined);
        switch (outcome)
        {
            case ParseOutcome.Complete:
                _deadline.Clear();

                // It may have passed a moment ago: that was about the head, and the head is here.
                Input.IsLate = false;
                return HeadOutcome.Complete;
            case ParseOutcome.Rejected:
                return Refused(_exchange.Reason);
            case ParseOutcome.NeedMore when read.IsCompleted:
                return Refused(RejectReason.HeadTruncated);
            case ParseOutcome.NeedMore when _phase == VisitorPhase.Waiting:
                // From the first byte on the time is absolute; more bytes do not extend it. Set first: what passed until then was
                // about the wait.
                _deadline.Set(_services.Options.Visitors.HeadTime);
                _phase = VisitorPhase.InHead;
                Input.IsLate = false;
                break;
        }

        return HeadOutcome.NeedMore;
    }

    private HeadOutcome Refused(RejectReason reason)
    {
        _rejected = reason;
        return HeadOutcome.Rejected;
    }

    private async ValueTask LingerAsync()
    {
        GiveBackExchange();
        await Output.CompleteAsync();
        _phase = VisitorPhase.Lingering;
        _deadline.Clear();
        await _services.Parting.HearOutAsync(Input, LongestLinger, LingerTime);
    }

    private void GiveBackExchange()
    {
        if (_exchange is { } exchange)
        {
            _exchange = null;
            _services.Exchanges.Return(exchange);
        }
    }
}
