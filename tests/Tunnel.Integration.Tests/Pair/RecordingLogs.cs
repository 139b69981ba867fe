using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Tunnel.Integration.Tests.Pair;

/// <summary>Keeps what is logged; an exception in a log is a fault of ours.</summary>
public sealed class RecordingLogs : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly ConcurrentQueue<string> _faults = new();

    public IReadOnlyCollection<string> Lines => _lines;

    public IReadOnlyCollection<string> Faults => _faults;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        string line = $"{logLevel}: {formatter(state, exception)}";
        _lines.Enqueue(line);
        if (exception is not null)
        {
            _faults.Enqueue($"{line} {exception}");
        }
    }

    public void Dispose()
    {
    }
}
