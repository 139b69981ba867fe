using System.Text;
using Microsoft.Extensions.Logging;
using Tunnel.Hosting;

namespace Tunnel.Agent.Console;

/// <param name="Kind">The number of the line in the log's list.</param>
/// <param name="Text">Printable, one line.</param>
internal sealed record ConsoleNote(DateTimeOffset At, LogLevel Level, int Kind, string Text);

/// <summary>
/// The last lines of the log, where a picture is on the terminal in their place. What is said again at once takes the place of
/// what was said, so that one trouble does not push out all others. Safe from any thread.
/// </summary>
internal sealed class ConsoleNotes(TimeProvider time) : ILoggerProvider
{
    /// <summary>Lines that are kept.</summary>
    public const int Most = 6;

    private readonly Lock _lock = new();
    private readonly List<ConsoleNote> _notes = [];
    private long _changes;

    /// <summary>Grows with every line.</summary>
    public long Changes => Interlocked.Read(ref _changes);

    /// <summary>What is kept, the oldest first.</summary>
    public IReadOnlyList<ConsoleNote> Read()
    {
        lock (_lock)
        {
            return [.. _notes];
        }
    }

    public void Add(LogLevel level, int kind, string text)
    {
        lock (_lock)
        {
            if (_notes is [.., { } last] && last.Kind == kind)
            {
                _notes.RemoveAt(_notes.Count - 1);
            }

            _notes.Add(new ConsoleNote(time.GetLocalNow(), level, kind, Printable.Of(text)));
            _notes.RemoveRange(0, Math.Max(0, _notes.Count - Most));
        }

        Interlocked.Increment(ref _changes);
    }

    /// <summary>A writer whose lines come here.</summary>
    public TextWriter NewWriter() => new NoteWriter(this);

    public ILogger CreateLogger(string categoryName) => new NoteLogger(this);

    public void Dispose()
    {
        // Nothing is open; the last lines stay for the last picture.
    }

    private sealed class NoteLogger(ConsoleNotes notes) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            notes.Add(logLevel, eventId.Id, exception is null ? formatter(state, null) : $"{formatter(state, exception)} {exception.GetType().Name}: {exception.Message}");
    }

    private sealed class NoteWriter(ConsoleNotes notes) : TextWriter
    {
        public override Encoding Encoding => Encoding.ASCII;

        public override void WriteLine(string? value) => notes.Add(LogLevel.Information, kind: 0, value ?? "");
    }
}
