using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent.Diagnose;

/// <summary>
/// What a bug report needs and may show: versions, system, options, steps, the log of the run. Options that are secret are named
/// and not shown, and no secret of the request is in any other line either.
/// </summary>
internal static class DiagnosisBundle
{
    public static string Of(DiagnosisRequest request, IReadOnlyList<DiagnosisStep> steps, IEnumerable<string> log)
    {
        var text = new StringBuilder();
        Head(text, "versions and system");
        text.Append($"{Product.Software}\n{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}\n{RuntimeInformation.OSDescription}\n");
        Head(text, "options");
        AppendOptions(text, AgentOptions.Declarations, request.Options);
        text.Append($"proxy: {request.Options.Link.Proxy?.ToString() ?? "none"}\n");
        foreach (TunnelOptions tunnel in request.Options.Tunnels)
        {
            text.Append($"\ntunnel {tunnel.Name}\n");
            AppendOptions(text, TunnelOptions.Declarations, tunnel);
        }

        Head(text, "steps");
        foreach (DiagnosisStep step in steps)
        {
            text.Append(DiagnosisPage.Of(step)).Append('\n');
        }

        Head(text, "log");
        foreach (string line in log)
        {
            text.Append(line).Append('\n');
        }

        return Redact(text.ToString(), request);
    }

    private static void Head(StringBuilder text, string title) => text.Append($"{(text.Length > 0 ? "\n" : "")}== {title}\n");

    private static void AppendOptions<T>(StringBuilder text, IEnumerable<OptionDeclaration<T>> declarations, T options)
    {
        foreach (OptionDeclaration<T> declaration in declarations)
        {
            if (declaration.TextIn(options) is { Length: > 0 } value)
            {
                text.Append($"{declaration.Name}: {(declaration.IsSecret ? "(given, not shown)" : value)}\n");
            }
        }
    }

    // What is secret has no way into a sentence; this is the second lock.
    private static string Redact(string text, DiagnosisRequest request)
    {
        IEnumerable<string?> secrets =
        [
            request.Options.Link.TokenText,
            request.Options.Link.Token?.Reveal(),
            request.Options.Link.Token?.Credential,
            request.Token?.Token.Reveal(),
            request.Token?.Token.Credential,
            .. request.Options.Tunnels.SelectMany(tunnel => tunnel.Access.Passwords.Concat(tunnel.Guard?.Users ?? [])),
            .. request.Options.Tunnels.SelectMany(tunnel => tunnel.Access.Passwords.Select(given => given[(given.IndexOf(':', StringComparison.Ordinal) + 1)..])),
        ];
        return secrets.Where(secret => secret is { Length: > 0 }).OrderByDescending(secret => secret!.Length)
            .Aggregate(text, (redacted, secret) => redacted.Replace(secret!, "(secret)", StringComparison.Ordinal));
    }
}

/// <summary>Keeps the last lines that were logged, and writes none.</summary>
internal sealed class RecentLines(TimeProvider time) : ILogger
{
    private const int Most = 200;

    private readonly Lock _lock = new();
    private readonly Queue<string> _lines = new();

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lock)
            {
                return [.. _lines];
            }
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        string line = $"{time.GetUtcNow():HH:mm:ss.fff} {logLevel} [{eventId.Id}] {formatter(state, exception)}";
        lock (_lock)
        {
            _lines.Enqueue(line);
            while (_lines.Count > Most)
            {
                _lines.Dequeue();
            }
        }
    }
}
