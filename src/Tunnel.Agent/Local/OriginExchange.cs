using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Tunnel.Agent.Diagnostics;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Http.Heads;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Local;

/// <summary>
/// One request played to the origin and its answer sent up (docs/architecture.md, "The way of one request",
/// steps 6 to 8). The request is canonical already and goes to the origin byte for byte; what there is to know of it, OPEN
/// says. The answer is read closely enough to know where it ends. One object serves one exchange after the other.
/// </summary>
internal sealed class OriginExchange(OriginMemory memory, HttpLimits limits, OriginPlayer player)
{
    // What decides whether a request may be sent again to an origin that has closed its idle connection.
    private const RequestTraits Repeating = RequestTraits.IsIdempotent | RequestTraits.HasContent | RequestTraits.WantsUpgrade;

    private const string ClosedUnanswered = "It closed the connection without an answer.";

    private readonly AnswerCopier _answer = new(memory.Pool, limits);

    private string Paused => string.Create(
        CultureInfo.InvariantCulture, $"Its answer paused for {_origin.Options.AnswerIdleTime.TotalSeconds} s (--answer-idle-time).");

    private string TooSlow => string.Create(
        CultureInfo.InvariantCulture, $"It did not begin an answer within {_origin.Options.AnswerTime.TotalSeconds} s (--answer-time).");

    private readonly OriginHold _hold = new();
    private Action? _onPlayed;
    private TunnelStream _stream = null!;
    private OriginServices _origin = null!;
    private IExchangeObserver? _observer;
    private ValueTaskAwaiter _playing;
    private Task<bool>? _upload;

    /// <summary>
    /// Begins the exchange, in the reader loop that calls this: it finds the request at hand, and comes back when there is
    /// something to wait for. Nothing in here may block.
    /// </summary>
    /// <param name="tunnel">Where the request leads to.</param>
    /// <param name="observer">Null: nobody watches.</param>
    [SuppressMessage("Reliability", "CA2012", Justification = "OnPlayed takes what becomes of it, once.")]
    public void Start(TunnelStream stream, IServedTunnel tunnel, IExchangeObserver? observer)
    {
        _stream = stream;
        _observer = observer;
        _origin = tunnel.Origin;
        _hold.Begin(stream);

        // Not awaited: a method that did would make an object for each request.
        ValueTaskAwaiter playing = PlayAsync(stream, tunnel).GetAwaiter();
        _playing = playing;
        if (playing.IsCompleted)
        {
            OnPlayed();
        }
        else
        {
            playing.UnsafeOnCompleted(_onPlayed ??= OnPlayed);
        }
    }

    [SuppressMessage("Usage", "VSTHRD002", Justification = "It has completed.")]
    private void OnPlayed()
    {
        try
        {
            _playing.GetResult();
        }
        catch (Exception error) when (error is StreamResetException or OperationCanceledException)
        {
            // The visitor left, or the session ended; the stream knows why.
        }
        catch (DialException error)
        {
            Fail(_origin.Faults.CodeOf(error), error.Message);
        }
        catch (OriginFaultException fault)
        {
            (ResetCode code, string message) = _hold.Connection switch
            {
                { IsLate: true, HasAnswered: true } => (ResetCode.OriginTimeout, Paused),
                { IsLate: true } => (ResetCode.OriginTimeout, TooSlow),
                _ => (fault.Code, fault.Message),
            };
            Fail(code, message);
        }
        catch (Exception error)
        {
            // A fault of ours costs one request, with its name in the log, not the process.
            AgentLog.RequestFault(_origin.Log, error);
            Fail(ResetCode.InternalError, "");
        }
        finally
        {
            _ = EndAsync();
        }
    }

    private async Task EndAsync()
    {
        try
        {
            await StopUploadAsync();
        }
        catch (Exception error)
        {
            AgentLog.RequestFault(_origin.Log, error);
        }

        _upload = null;
        if (_hold.End() is { } connection)
        {
            _origin.Pool.Discard(connection);
        }

        _answer.Reset();
        _playing = default;
        _observer?.OnEnded(_stream.ResetCode);
        _observer = null;
        _stream.Dispose();
        _stream = null!;
        _origin = null!;
        player.Ended(this);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask PlayAsync(TunnelStream stream, IServedTunnel tunnel)
    {
        RequestTraits request = stream.Open.Request;
        bool hasBody = request.HasFlag(RequestTraits.HasContent);
        ReadResult read = await stream.Input.ReadAsync();
        if (tunnel.HasPaths)
        {
            (read, _origin) = await RequestTarget.FindOriginAsync(stream.Input, read, tunnel);
        }

        _answer.IdleTime = _origin.Options.AnswerIdleTime;
        ReadOnlySequence<byte> bytes = read.Buffer;
        _observer?.OnRequest(bytes);
        bool isHeadWhole = RequestHeadCopier.TryFindEnd(bytes, isLast: read.IsCompleted, out SequencePosition headEnd);

        // Not advanced: a request that may be repeated is kept until the origin has begun to answer.
        bool mayRepeat = isHeadWhole && (request & Repeating) == RequestTraits.IsIdempotent;

        // 6 take or open a connection, 7 play the request
        OriginConnection connection = TryTake(stream.Open, mayRepeat) ?? await _origin.Pool.OpenAsync(stream.Open.Visitor, _hold.Gone);
        ReadResult answer;
        ConnectionBrokenException? broken = null;
        while (true)
        {
            _hold.Use(connection);
            if (!isHeadWhole)
            {
                (bytes, headEnd) = await RequestHeadCopier.PassAsync(stream.Input, read, connection.Output);
            }

            connection.Output.Write(bytes.Slice(0, headEnd));
            if (hasBody)
            {
                bool isMoreAtHand = !bytes.Slice(headEnd).IsEmpty;
                stream.Input.AdvanceTo(headEnd);
                _upload = SendBodyAsync(connection, flushFirst: !isMoreAtHand);
            }
            else
            {
                connection.ExpectAnswer(_origin.Options.AnswerTime);
                await RequestHeadCopier.FlushAsync(connection.Output);
            }

            try
            {
                answer = await connection.Input.ReadAsync();
                if (!answer.Buffer.IsEmpty)
                {
                    break;
                }

                connection.Input.AdvanceTo(answer.Buffer.Start);
            }
            catch (ConnectionBrokenException error)
            {
                // Gone before it said a word, too.
                broken = error;
            }

            // The idle connection was dead before it said a word: that says nothing about the request.
            if (!mayRepeat || !connection.IsReused || connection.IsLate || _hold.IsGone)
            {
                throw broken is { Reason: ConnectionBreak.TimedOut }
                    ? OriginFaultException.Before(broken)
                    : new OriginFaultException(
                        ResetCode.OriginInvalid, _origin.Options.IsHttps ? ClosedUnanswered : $"{ClosedUnanswered} If it speaks HTTPS, start the agent with --local-https.");
            }

            broken = null;
            _hold.Release();
            _origin.Pool.Discard(connection);
            connection = await _origin.Pool.OpenAsync(stream.Open.Visitor, _hold.Gone);
        }

        if (!hasBody)
        {
            stream.Input.AdvanceTo(headEnd);
        }

        await AnswerAsync(stream, connection, answer);
    }

    // 8 send the answer up, of which the first bytes have come
    private async ValueTask AnswerAsync(TunnelStream stream, OriginConnection connection, ReadResult first)
    {
        bool isSwitch = await _answer.CopyHeadAsync(connection, first, stream.Output, stream.Open.Request);
        _observer?.OnAnswer(_answer.Head);
        if (isSwitch)
        {
            await OriginRawRelay.RunAsync(stream, connection, memory.Piece, _observer, _upload);
            return;
        }

        bool isWhole = await _answer.CopyBodyAsync(connection, stream.Output, _observer);
        if (_answer.BlockedBy is { } framework)
        {
            _origin.Faults.TellBlocked(framework);
        }

        if (!isWhole)
        {
            return;
        }

        // Before the answer's last byte leaves: the visitor's next request, which may follow at once, finds it in the pool.
        // An origin that declined an upgrade may have read the body as the other protocol, or as a request: no other visitor's
        // request goes on such a connection.
        bool isClean = _upload is null
            || (_upload.IsCompletedSuccessfully && await _upload && !stream.Open.Request.HasFlag(RequestTraits.WantsUpgrade));
        if (isClean && _answer.Head.KeepAlive && !_hold.IsGone)
        {
            Keep(stream.Open, connection);
        }

        await stream.Output.CompleteAsync();
    }

    // A connection with a login on it serves one connection of one visitor; what is part of a login goes on no other, and on
    // a fresh one if that is not there.
    private OriginConnection? TryTake(in OpenHeader open, bool mayRepeat)
    {
        if (!open.Request.HasFlag(RequestTraits.HasConnectionLogin))
        {
            return _origin.Pool.TryTake(mayRepeat);
        }

        return open.Connection == 0 ? null : _origin.Pool.Tied.TryTake(new ConnectionTie(player, open.Connection));
    }

    // What is not kept ends with the exchange.
    private void Keep(in OpenHeader open, OriginConnection connection)
    {
        KeepAliveHint hint = KeepAliveHint.Read(_answer.Head.Headers);
        if (open.Request.HasFlag(RequestTraits.HasConnectionLogin))
        {
            if (open.Connection == 0)
            {
                _origin.TellOfLogin();
                return;
            }

            _hold.Release();
            _origin.Pool.Tied.Return(new ConnectionTie(player, open.Connection), connection, open.Visitor, hint);
            return;
        }

        if (ConnectionLogins.IsUnderWay(_answer.Head.Headers))
        {
            _origin.TellOfLogin();
            return;
        }

        _hold.Release();
        _origin.Pool.Return(connection, hint);
    }

    // Sends the body on as it comes; false when the origin does not get all of it. Where an upgrade is asked for, the stream
    // does not end with the body, and what follows is the other protocol's; the answer is waited for from the last piece on.
    private async Task<bool> SendBodyAsync(OriginConnection connection, bool flushFirst)
    {
        try
        {
            if (flushFirst)
            {
                await connection.Output.FlushAsync();
            }

            Action<long>? passed = _observer is null ? null : _observer.OnSent;
            if (_stream.Open.Request.HasFlag(RequestTraits.WantsUpgrade))
            {
                passed += _ => connection.ExpectAnswer(_origin.Options.AnswerTime);
            }

            bool isWhole = await Relay.CopyAsync(_stream.Input, connection.Output, passed, memory.Piece) == RelayEnd.SourceEnded;
            if (isWhole)
            {
                connection.ExpectAnswer(_origin.Options.AnswerTime);
            }

            return isWhole;
        }
        catch (StreamResetException)
        {
            // The visitor broke off: the origin must not take what it has for the whole.
            connection.Abort();
            return false;
        }
        catch (ConnectionBrokenException)
        {
            // The origin reads no more; it may still have said why.
            return false;
        }
    }

    // The answer is over, or there will be none: an upload that still runs has no purpose any more.
    private async ValueTask StopUploadAsync()
    {
        if (_upload is { } upload)
        {
            if (!upload.IsCompleted)
            {
                _stream.Input.CancelPendingRead();
                _hold.Connection?.Abort();
            }

            await upload;
        }
    }

    private void Fail(ResetCode code, string detail)
    {
        if (_stream.ResetCode is null)
        {
            _origin.Faults.Tell(code, detail);
        }

        _stream.Abort(code);
    }
}
