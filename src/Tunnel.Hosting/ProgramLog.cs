using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Tunnel.Hosting.Options;

namespace Tunnel.Hosting;

/// <summary>Logs on standard error, as text or JSON. A reader that does not keep up loses lines; nothing waits for it.</summary>
public static class ProgramLog
{
    /// <param name="inPlace">Takes the lines where standard error is a terminal that shows something else; null: nothing does.</param>
    public static ILoggerFactory Create(LogOptions options, ILoggerProvider? inPlace = null) => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(options.Level);
        if (inPlace is not null)
        {
            logging.AddProvider(inPlace);
            if (!Console.IsErrorRedirected)
            {
                return;
            }
        }

        logging.AddConsole(console =>
        {
            console.FormatterName = options.IsJson ? ConsoleFormatterNames.Json : ConsoleFormatterNames.Simple;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
        });
        if (options.IsJson)
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
