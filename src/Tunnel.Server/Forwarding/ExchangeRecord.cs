using System.Buffers;
using System.Text;
using Tunnel.Http.Heads;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// What is noted about one exchange while it runs: its id, and, when there is an access log, what goes into its line.
/// </summary>
internal sealed class ExchangeRecord(ForwardingServices services)
{
    /// <summary>Ids of visitors' own that are taken over; longer ones are replaced.</summary>
    private const int MostIdBytes = 64;

    /// <summary>
    /// What an id may be made of: it stands in the log, in JSON and on the error page as the origin sees it, so that it can be
    /// found again, and none of them has to escape it.
    /// </summary>
    private static readonly SearchValues<byte> IdBytes =
        SearchValues.Create("-._~+/=:@0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private readonly byte[] _id = new byte[MostIdBytes];
    private int _idLength;
    private DateTimeOffset _time;
    private long _begun;
    private long? _routed;
    private long? _answered;

    /// <summary>Our id for the request, or the visitor's own if it has one that can be used; the origin gets it, too.</summary>
    public ReadOnlySpan<byte> Id => _id.AsSpan(0, _idLength);

    public string IdText => Encoding.ASCII.GetString(Id);

    /// <summary>The status sent to the visitor; 0 while there is none.</summary>
    public int Status { get; set; }

    /// <summary>The code of docs/operating.md, "What a visitor sees when there is no answer", if we answered or cut.</summary>
    public string? Error { get; set; }

    /// <summary>Content of the page that we answered with; null: the answer is the origin's.</summary>
    public int? PageBytes { get; set; }

    /// <summary>A request begins. One that could not be read has no usable id of its own.</summary>
    public void Begin(RequestHead? request)
    {
        Status = 0;
        Error = null;
        Token = null;
        PageBytes = null;
        TakeId(request);
        if (services.AccessLog is not null)
        {
            _time = services.Time.GetUtcNow();
            _begun = services.Time.GetTimestamp();
            _routed = _answered = null;
        }
    }

    /// <summary>The name of the token of the agent that has it; null: none has, or one without a token.</summary>
    public string? Token { get; set; }

    /// <summary>The request has its session.</summary>
    public void Routed() => Note(ref _routed);

    /// <summary>The head of its answer is there.</summary>
    public void Answered() => Note(ref _answered);

    /// <summary>The exchange is over; writes its line.</summary>
    public void End(RequestHead request, string visitor, long bytesIn, long bytesOut)
    {
        if (services.AccessLog is not { } log)
        {
            return;
        }

        long now = services.Time.GetTimestamp();
        long routed = _routed ?? now;
        log.Add(new AccessEntry
        {
            Time = _time,
            Visitor = visitor,
            Host = request.HostName,
            Method = request.MethodName,
            Target = request.RawTarget,
            Status = Status,
            BytesIn = bytesIn,
            BytesOut = PageBytes ?? bytesOut,
            Routing = services.Time.GetElapsedTime(_begun, routed),
            Answering = services.Time.GetElapsedTime(routed, _answered ?? now),
            Total = services.Time.GetElapsedTime(_begun, now),
            Error = Error,
            Token = Token,
            RequestId = Id,
        });
    }

    private void Note(ref long? at)
    {
        if (services.AccessLog is not null)
        {
            at = services.Time.GetTimestamp();
        }
    }

    private void TakeId(RequestHead? request)
    {
        if (request is not null
            && request.Headers.TryGet(KnownHeader.XRequestId, out ReadOnlySpan<byte> own)
            && own.Length is > 0 and <= MostIdBytes
            && !own.ContainsAnyExcept(IdBytes)
            && request.Headers.CountOf(KnownHeader.XRequestId) == 1)
        {
            own.CopyTo(_id);
            _idLength = own.Length;
            return;
        }

        Span<byte> random = stackalloc byte[8];
        Random.Shared.NextBytes(random);
        Convert.TryToHexStringLower(random, _id, out _idLength);
    }
}
