using System.CommandLine;
using Tunnel.Hosting;
using Tunnel.Http.Heads;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server;

/// <summary>The options for the limits of docs/operating.md, "Limits": how much, how many, how long, how slow.</summary>
internal sealed class LimitOptions
{
    private static readonly ServerOptions Defaults = new();

    private readonly Option<double> _headTime;
    private readonly Option<double> _idleTime;
    private readonly Option<double> _upgradeIdleTime;
    private readonly Option<double> _answerTime;
    private readonly Option<int?> _leastRate;
    private readonly Option<double> _slowGrace;
    private readonly Option<double> _stallTime;
    private readonly Option<int?> _maxRequestLine;
    private readonly Option<int?> _maxHead;
    private readonly Option<int?> _maxFields;
    private readonly Option<long?> _maxBody;
    private readonly Option<int?> _maxConnections;
    private readonly Option<int?> _maxPerAddress;
    private readonly Option<long?> _memoryLimit;
    private readonly Option<int?> _maxStreams;
    private readonly Option<int?> _maxHeld;
    private readonly Option<int?> _maxTunnels;
    private readonly Option<int?> _maxSessions;
    private readonly Option<int?> _maxSessionsPerIdentity;
    private readonly Option<double> _handshakeTime;
    private readonly Option<int?> _maxHandshakes;
    private readonly Option<int?> _maxHandshakesPerAddress;

    public LimitOptions(OptionSet options)
    {
        _headTime = options.Seconds("--head-time", "Time a visitor has for a request head.", Defaults.HeadTime);
        _idleTime = options.Seconds("--idle-time", "How long a connection may stay open between requests.", Defaults.IdleTime);
        _upgradeIdleTime = options.Seconds(
            "--upgrade-idle-time", "How long a WebSocket or other upgraded connection may be silent.", Defaults.UpgradeIdleTime);
        _answerTime = options.Seconds(
            "--answer-time", "How long a visitor may wait for the head of an answer; agents have a limit of their own.", Defaults.AnswerTime);
        _leastRate = options.Number("--least-rate", "Bytes a second a visitor must send or take while it is waited for.", Defaults.Pace.LeastRate);
        _slowGrace = options.Seconds("--slow-grace", "How long a visitor may be waited for before the rate counts.", Defaults.Pace.Grace);
        _stallTime = options.Seconds("--stall-time", "How long a visitor that was fast before may do nothing.", Defaults.Pace.StallTime);
        _maxRequestLine = options.Number("--max-request-line", "Bytes of a request line.", Defaults.Http.MaxStartLineBytes);
        _maxHead = options.Number("--max-head", "Bytes of a request or answer head in all.", Defaults.Http.MaxHeadBytes);
        _maxFields = options.Number("--max-fields", "Header fields in a head.", Defaults.Http.MaxFields);
        _maxBody = options.Bytes("--max-body", "Largest request body. Default: no limit.");
        _maxConnections = options.Number("--max-connections", "Visitor connections in all.", Defaults.MaxVisitors);
        _maxPerAddress = options.Number("--max-connections-per-address", "Visitor connections per address.", Defaults.MaxVisitorsPerAddress);
        _memoryLimit = options.Size("--memory-limit", "Memory that may be held for all visitors and agents together, like 256MiB. Default: a third of what this process can get.");
        _maxStreams = options.Number("--max-streams", "Requests under way per agent session.", Defaults.MaxStreamsPerSession);
        _maxHeld = options.Number("--max-held", "Requests that wait for an agent, in all.", Defaults.MaxHeld);
        _maxTunnels = options.Number("--max-tunnels", "Tunnels per agent session.", Defaults.MaxTunnelsPerSession);
        _maxSessions = options.Number("--max-sessions", "Agent sessions in all.", Defaults.MaxSessions);
        _maxSessionsPerIdentity = options.Number(
            "--max-sessions-per-token", "The same per token; local agents without one count together.", Defaults.MaxSessionsPerIdentity);
        _handshakeTime = options.Seconds("--agent-handshake-time", "Time an agent has to introduce itself.", Defaults.AgentHandshakeTime);
        _maxHandshakes = options.Number("--max-handshakes", "Agent connections that have not introduced themselves, in all.", Defaults.MaxUnproved);
        _maxHandshakesPerAddress = options.Number(
            "--max-handshakes-per-address", "The same per address; this machine's own are not counted.", Defaults.MaxUnprovedPerAddress);
    }

    /// <summary>The options with all limits as given.</summary>
    public ServerOptions Read(ParseResult arguments, ServerOptions options)
    {
        TimeSpan Time(Option<double> option) => TimeSpan.FromSeconds(arguments.GetValue(option));
        return options with
        {
            HeadTime = Time(_headTime),
            IdleTime = Time(_idleTime),
            UpgradeIdleTime = Time(_upgradeIdleTime),
            AnswerTime = Time(_answerTime),
            Pace = new PaceRule
            {
                LeastRate = arguments.GetValue(_leastRate) ?? Defaults.Pace.LeastRate,
                Grace = Time(_slowGrace),
                StallTime = Time(_stallTime),
            },
            Http = new HttpLimits
            {
                MaxStartLineBytes = arguments.GetValue(_maxRequestLine) ?? Defaults.Http.MaxStartLineBytes,
                MaxHeadBytes = arguments.GetValue(_maxHead) ?? Defaults.Http.MaxHeadBytes,
                MaxFields = arguments.GetValue(_maxFields) ?? Defaults.Http.MaxFields,
            },
            MaxBody = arguments.GetValue(_maxBody),
            MaxVisitors = arguments.GetValue(_maxConnections) ?? Defaults.MaxVisitors,
            MaxVisitorsPerAddress = arguments.GetValue(_maxPerAddress) ?? Defaults.MaxVisitorsPerAddress,
            MaxHeld = arguments.GetValue(_maxHeld) ?? Defaults.MaxHeld,
            MaxStreamsPerSession = arguments.GetValue(_maxStreams) ?? Defaults.MaxStreamsPerSession,
            MaxTunnelsPerSession = arguments.GetValue(_maxTunnels) ?? Defaults.MaxTunnelsPerSession,
            MaxSessions = arguments.GetValue(_maxSessions) ?? Defaults.MaxSessions,
            MaxSessionsPerIdentity = arguments.GetValue(_maxSessionsPerIdentity) ?? Defaults.MaxSessionsPerIdentity,
            AgentHandshakeTime = Time(_handshakeTime),
            MaxUnproved = arguments.GetValue(_maxHandshakes) ?? Defaults.MaxUnproved,
            MemoryLimit = arguments.GetValue(_memoryLimit),
            MaxUnprovedPerAddress = arguments.GetValue(_maxHandshakesPerAddress) ?? Defaults.MaxUnprovedPerAddress,
        };
    }
}
