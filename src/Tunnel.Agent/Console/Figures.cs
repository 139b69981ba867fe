using System.Globalization;

namespace Tunnel.Agent.Console;

/// <summary>Figures as people read them, in at most seven characters.</summary>
internal static class Figures
{
    private static readonly string[] s_units = ["B", "KB", "MB", "GB", "TB", "PB"];

    public static string Count(long number) => number < 1_000_000 ? Text($"{number}") : number < 1_000_000_000 ? Text($"{number / 1e6:0.00}M") : Text($"{number / 1e9:0.00}G");

    public static string Rate(double rate) => rate < 100 ? Text($"{rate:0.0}") : Text($"{rate:0}");

    /// <summary>In steps of 1024.</summary>
    public static string Size(long bytes)
    {
        double size = bytes;
        int unit = 0;
        while (size >= 999.5 && unit < s_units.Length - 1)
        {
            size /= 1024;
            unit++;
        }

        return unit == 0 || size >= 99.95 ? Text($"{size:0} {s_units[unit]}") : Text($"{size:0.0} {s_units[unit]}");
    }

    public static string Time(TimeSpan time) => time.TotalMilliseconds switch
    {
        < 9.95 => Text($"{time.TotalMilliseconds:0.0} ms"),
        < 999.5 => Text($"{time.TotalMilliseconds:0} ms"),
        < 99_950 => Text($"{time.TotalSeconds:0.0} s"),
        _ when time.TotalMinutes < 100 => Text($"{time.TotalMinutes:0} min"),
        _ => Text($"{time.TotalHours:0} h"),
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
