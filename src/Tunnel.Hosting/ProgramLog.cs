using System.CommandLine;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Tunnel.Hosting;

/// <summary>Logs on standard error, as text or JSON. A reader that does not keep up loses lines; nothing waits for it.</summary>
public sealed class ProgramLog
{
    private readonly Option<string?> _level;
    private readonly Option<string?> _format;

    /// <summary>Adds <c>--log-level</c> and <c>--log-format</c>.</summary>
    /// <param name="level">The level unless another is asked for.</param>
    public ProgramLog(OptionSet options, string level = "information")
    {
        _level = options.Choice("--log-level", "How much is logged.", level, "trace", "debug", "information", "warning", "error", "none");
        _format = options.Choice("--log-format", "How it is written.", "text", "text", "json");
    }

    public ILoggerFactory Create(ParseResult arguments)
    {
        LogLevel level = Enum.Parse<LogLevel>(arguments.GetValue(_level)!, ignoreCase: true);
        bool isJson = arguments.GetValue(_format) == "json";
        return LoggerFactory.Create(logging =>
        {
            logging.SetMinimumLevel(level);
            logging.AddConsole(console =>
            {
                console.FormatterName = isJson ? ConsoleFormatterNames.Json : ConsoleFormatterNames.Simple;
                console.LogToStandardErrorThreshold = LogLevel.Trace;
                console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
            });
            if (isJson)
            {
                logging.AddJsonConsole(json =>
                {
                    json.UseUtcTimestamp = true;
                    json.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
                });
            }
            else
            {
                logging.AddSimpleConsole(text =>
                {
                    text.SingleLine = true;
                    text.TimestampFormat = "HH:mm:ss ";
                });
            }
        });
    }
}
