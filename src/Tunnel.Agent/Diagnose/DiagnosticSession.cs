using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Transport;

namespace Tunnel.Agent.Diagnose;

/// <summary>
/// A session of the diagnosing agent: asks for names, and answers requests that come for them itself. What is not its own is
/// told to come again. Dispose it: what it was given goes back to the server at once.
/// </summary>
internal sealed class DiagnosticSession : ISessionUser, IAsyncDisposable
{
    private const int MostHead = 32 * 1024;
    private const string Root = "/.tunnel-diagnose/";

    private static readonly byte[] Filler = RandomNumberGenerator.GetBytes(64 * 1024);

    private readonly ConcurrentDictionary<uint, TaskCompletionSource<BoundMessage>> _asked = [];
    private readonly ConcurrentDictionary<TunnelStream, Task> _answers = [];
    private readonly CancellationTokenSource _over = new();
    private readonly TimeProvider _time;
    private readonly IConnection _link;
    private readonly Session _session;
    private readonly Task _life;
    private uint _lastId;
    private long _received;
    private long _firstAt;
    private long _lastAt;

    /// <param name="link">Greeted already; taken over.</param>
    public DiagnosticSession(IConnection link, SessionOptions options)
    {
        _link = link;
        _time = options.Time;
        _session = new Session(LinkRole.Agent, options, this);
        _life = RunAsync();
    }

    /// <summary>Nobody else knows it: an answer with it is ours.</summary>
    public string Nonce { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>Bytes of the last upload as they came here, and the time from the first to the last of them.</summary>
    public (long Bytes, TimeSpan Time) Upload => (Interlocked.Read(ref _received), _time.GetElapsedTime(Interlocked.Read(ref _firstAt), Interlocked.Read(ref _lastAt)));

    /// <summary>The path of a request that is answered with so many bytes.</summary>
    public string Download(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{Root}{Nonce}/down/{bytes}");

    /// <summary>The path of a request that is answered after so long.</summary>
    public string Wait(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{Root}{Nonce}/wait/{(long)time.TotalMilliseconds}");

    /// <summary>The server's answer to a BIND.</summary>
    /// <exception cref="IOException">The session has ended.</exception>
    public async Task<BoundMessage> BindAsync(TunnelRequest request, CancellationToken cancel)
    {
        TaskCompletionSource<BoundMessage> answer = _asked[request.Id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _session.Send(FrameKind.Bind, request);
        await Task.WhenAny(answer.Task, _life).WaitAsync(cancel);
        return answer.Task.IsCompletedSuccessfully ? await answer.Task : throw new IOException($"The session ended: {(await _session.Ended).Message}");
    }

    public uint NewId() => ++_lastId;

    public void Unbind(uint id) => _session.Send(FrameKind.Unbind, new UnbindMessage { Id = id });

    /// <summary>The time for a PING and its PONG; null: none came. Nothing else may be under way.</summary>
    public async Task<TimeSpan?> PingAsync(TimeSpan within, CancellationToken cancel)
    {
        long since = _time.GetTimestamp();
        return await _session.IsAliveAsync(within, cancel) ? _time.GetElapsedTime(since) : null;
    }

    public async ValueTask DisposeAsync()
    {
        _session.Close(CloseCode.Normal, "diagnosed");
        await _over.CancelAsync();
        await _life;
        await Task.WhenAll(_answers.Values);
        _over.Dispose();
    }

    void ISessionUser.OnStream(TunnelStream stream) => _answers[stream] = Task.Run(() => AnswerAsync(stream));

    void ISessionUser.OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload)
    {
        if (kind == FrameKind.Bound)
        {
            BoundMessage bound = JsonMessages.Read<BoundMessage>(payload);
            if (_asked.TryGetValue(bound.Id, out TaskCompletionSource<BoundMessage>? asked))
            {
                asked.TrySetResult(bound);
            }
        }
        else
        {
            _ = JsonMessages.Read<UnboundMessage>(payload);
        }
    }

    void ISessionUser.OnGoAway(GoAwayMessage message)
    {
    }

    private async Task RunAsync()
    {
        await using (_link)
        {
            Task<SessionEnd> life = _session.RunAsync();
            await _session.AttachAsync(_link, peerCount: 0);
            await life;
        }
    }

    private async Task AnswerAsync(TunnelStream stream)
    {
        try
        {
            if (stream.Open.Type == StreamType.Http && !stream.Open.Request.HasFlag(RequestTraits.ConnectionEnded))
            {
                await AnswerAsync(stream.Input, stream.Output);
            }

            await stream.Output.CompleteAsync();
        }
        catch (Exception error) when (error is IOException or StreamResetException or OperationCanceledException)
        {
            // Whoever asked has left, or everything is over.
        }
        finally
        {
            stream.Dispose();
            _answers.TryRemove(stream, out _);
        }
    }

    private async Task AnswerAsync(PipeReader request, PipeWriter answer)
    {
        string[] line = (await ReadHeadAsync(request)).Split(' ');
        string own = $"{Root}{Nonce}/";
        if (line.Length < 2 || !line[1].StartsWith(own, StringComparison.Ordinal))
        {
            await WriteHeadAsync(answer, "503 Service Unavailable", "Retry-After: 1\r\n", 0);
            return;
        }

        string[] what = line[1][own.Length..].Split('/');
        long number = what.Length > 1 ? long.Parse(what[1], NumberStyles.None, CultureInfo.InvariantCulture) : 0;
        switch (what[0])
        {
            case "down":
                await WriteHeadAsync(answer, "200 OK", "", number);
                for (long left = number; left > 0; left -= Filler.Length)
                {
                    if ((await answer.WriteAsync(Filler.AsMemory(0, (int)Math.Min(left, Filler.Length)), _over.Token)).IsCompleted)
                    {
                        return;
                    }
                }

                break;
            case "wait":
                await Task.Delay(TimeSpan.FromMilliseconds(number), _time, _over.Token);
                await WriteHeadAsync(answer, "200 OK", "", 0);
                break;
            default:
                await TakeAsync(request);
                await WriteHeadAsync(answer, "200 OK", "", 0);
                break;
        }
    }

    private async Task WriteHeadAsync(PipeWriter answer, string status, string fields, long length) =>
        await answer.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status}\r\nTunnel-Diagnose: {Nonce}\r\nCache-Control: no-store\r\nContent-Type: application/octet-stream\r\n{fields}Content-Length: {length}\r\n\r\n")), _over.Token);

    private async Task TakeAsync(PipeReader request)
    {
        Interlocked.Exchange(ref _received, 0);
        Interlocked.Exchange(ref _firstAt, _time.GetTimestamp());
        while (true)
        {
            ReadResult read = await request.ReadAsync(_over.Token);
            Interlocked.Add(ref _received, read.Buffer.Length);
            Interlocked.Exchange(ref _lastAt, _time.GetTimestamp());
            request.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    // The first line; what follows the head stays.
    private async Task<string> ReadHeadAsync(PipeReader request)
    {
        while (true)
        {
            ReadResult read = await request.ReadAsync(_over.Token);
            string text = Encoding.Latin1.GetString(read.Buffer);
            int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0)
            {
                request.AdvanceTo(read.Buffer.GetPosition(end + 4));
                return text[..text.IndexOf("\r\n", StringComparison.Ordinal)];
            }

            request.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted || text.Length > MostHead)
            {
                return "";
            }
        }
    }
}
