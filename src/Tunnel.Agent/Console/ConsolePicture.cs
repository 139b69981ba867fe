using System.Globalization;
using Microsoft.Extensions.Logging;
using Spectre.Console;
using Spectre.Console.Rendering;
using Tunnel.Agent.Tunnels;

namespace Tunnel.Agent.Console;

/// <summary>Draws what is to be seen: a function from the state and the terminal's size to lines, and nothing else.</summary>
/// <param name="hasStyles">The lines hold escape sequences for colours and bold.</param>
/// <param name="colors">The colours the terminal has.</param>
internal sealed class ConsolePicture(bool hasStyles, ColorSystemSupport colors)
{
    private const int Gap = 2;
    private const int TimeWidth = 8;
    private const int MostVisitor = 15;
    private const int MostStatus = 16;

    private static readonly Style s_label = new(Color.Grey);
    private static readonly Style s_strong = new(decoration: Decoration.Bold);

    // The last ones are left out first, where there is no room.
    private static readonly Cell<TrafficFigures>[] s_figures =
    [
        new("OPEN", 5, figures => Figures.Count(figures.Open)),
        new("TOTAL", 7, figures => Figures.Count(figures.Total)),
        new("REQ/S", 5, figures => Figures.Rate(figures.Rate)),
        new("P50", 7, figures => figures.Median is { } time ? Figures.Time(time) : "-"),
        new("P90", 7, figures => figures.Slow is { } time ? Figures.Time(time) : "-"),
        new("BYTES", 8, figures => Figures.Size(figures.Bytes)),
    ];

    /// <summary>The picture, from the top down; never more lines than the height, and none wider than the width.</summary>
    public IReadOnlyList<string> Draw(ConsoleState state, int width, int height)
    {
        List<string> top = Render(DrawHead(state), width);
        List<string> notes = Render(DrawNotes(state.Notes), width);
        int mostTunnels = Math.Max(3, (height - top.Count) / 2);
        List<string> tunnels = Render(DrawTunnels(state.Tunnels, width), width);
        if (tunnels.Count > mostTunnels)
        {
            int online = state.Tunnels.Count(tunnel => tunnel.State == TunnelState.Online);
            tunnels = [.. tunnels[..(mostTunnels - 1)], Cut($"  ... {state.Tunnels.Count} tunnels, {online} online", width)];
        }

        notes = notes[^Math.Min(notes.Count, Math.Max(2, height / 3))..];
        int room = height - top.Count - tunnels.Count - notes.Count - (notes.Count > 0 ? 3 : 2);
        List<string> requests = room < 2 ? [] : Render(DrawRequests([.. state.Requests.Take(room - 1)], width), width);
        List<string> all = [.. top, "", .. tunnels];
        foreach (List<string> part in (List<string>[])[requests, notes])
        {
            if (part.Count > 0)
            {
                all.AddRange(["", .. part]);
            }
        }

        return all[..Math.Clamp(height, 0, all.Count)];
    }

    private static Grid DrawHead(ConsoleState state)
    {
        Grid grid = NewGrid((12, false), (0, false));
        grid.AddRow(new Text("tunnel-agent", s_strong), new Text(state.State, StyleOf(state.Mood, isStrong: true)));
        grid.AddRow(new Text("server", s_label), new Text(state.Server));
        if (state.RoundTrip is { } time)
        {
            grid.AddRow(new Text("round trip", s_label), new Text(Figures.Time(time)));
        }

        if (state.Token is { } token)
        {
            grid.AddRow(new Text("token", s_label), new Text(token));
        }

        return grid;
    }

    private static Rows DrawTunnels(IReadOnlyList<TunnelLine> tunnels, int width)
    {
        bool hasNames = tunnels.Any(tunnel => tunnel.Name.Length > 0);
        string[] titles = [.. tunnels.Select(tunnel => tunnel.Url.Length > 0 ? tunnel.Url : Waiting(tunnel))];
        int title = titles.Select(text => text.Length).Append("TUNNEL".Length).Max();
        int all = s_figures.Sum(cell => cell.Width + Gap);
        bool isOneLine = title + all <= width;
        int name = hasNames ? tunnels.Max(tunnel => tunnel.Name.Length) : 0;
        int origin = tunnels.Select(tunnel => tunnel.Origin.Length).Append("LOCAL".Length).Max();
        bool showsOrigin = isOneLine && title + all + origin + Gap <= width;
        bool showsName = isOneLine && hasNames && title + all + name + Gap + (showsOrigin ? origin + Gap : 0) <= width;

        // Under its address, a little to the right, where the line has no room for both.
        Cell<TrafficFigures>[] figures = [.. s_figures.TakeWhile((_, i) => isOneLine || s_figures[..(i + 1)].Sum(cell => cell.Width + Gap) <= width)];
        (int, bool)[] lead = [.. isOneLine ? [(title, false)] : Array.Empty<(int, bool)>(), .. showsOrigin ? [(origin, false)] : Array.Empty<(int, bool)>()];
        if (showsName)
        {
            lead = [(Math.Max(name, "NAME".Length), false), .. lead];
        }

        Grid NewLine() => NewGrid([.. lead, .. figures.Select(cell => (cell.Width, true))]);
        var rows = new List<IRenderable>();
        Grid head = NewLine();
        head.AddRow([.. Lead("NAME", "TUNNEL", "LOCAL", s_label), .. figures.Select(cell => new Text(cell.Head, s_label))]);
        rows.Add(head);
        for (int i = 0; i < tunnels.Count; i++)
        {
            TunnelLine tunnel = tunnels[i];
            Style style = StyleOf(tunnel.State switch { TunnelState.Online => Mood.Good, TunnelState.Refused => Mood.Bad, _ => Mood.Doubtful }, isStrong: false);
            if (!isOneLine)
            {
                rows.Add(new Text(titles[i], style));
            }

            Grid line = NewLine();
            line.AddRow([.. Lead(tunnel.Name, titles[i], tunnel.Origin, style), .. figures.Select(cell => new Text(cell.Of(tunnel.Traffic)))]);
            rows.Add(line);
            if (tunnel.Reason.Length > 0)
            {
                rows.Add(new Padder(new Text(tunnel.Reason, style), new Padding(Gap, 0, 0, 0)));
            }
        }

        return new Rows(rows);

        IEnumerable<Text> Lead(string nameText, string titleText, string originText, Style style)
        {
            if (showsName)
            {
                yield return new Text(nameText, style);
            }

            if (isOneLine)
            {
                yield return new Text(titleText, style);
            }

            if (showsOrigin)
            {
                yield return new Text(originText, s_label);
            }
        }
    }

    private static IRenderable DrawRequests(IReadOnlyList<RequestLine> requests, int width)
    {
        if (requests.Count == 0)
        {
            return new Text("No request yet.", s_label);
        }

        int method = Math.Min(8, requests.Select(request => request.Method.Length).Append(6).Max());
        int status = Math.Min(MostStatus, requests.Select(request => request.Status.Length).Append(6).Max());
        int visitor = width >= 120 ? requests.Select(request => request.Visitor.Length).Append(MostVisitor).Max() : MostVisitor;
        int fix = method + status + (2 * 7) + (4 * Gap);
        bool showsVisitor = width >= fix + TimeWidth + visitor + (2 * Gap) + 12;
        bool showsTime = width >= fix + TimeWidth + Gap + 10;
        int path = Math.Max(4, width - fix - (showsTime ? TimeWidth + Gap : 0) - (showsVisitor ? visitor + Gap : 0));
        path = Math.Min(path, requests.Select(request => request.Target.Length).Append(20).Max());
        Cell<RequestLine>[] cells =
        [
            new("TIME", TimeWidth, request => Clock(request.At), false),
            new("METHOD", method, request => request.Method, false),
            new("PATH", path, request => request.Target, false),
            new("STATUS", status, request => request.Status),
            new("TOOK", 7, request => Figures.Time(request.Duration)),
            new("SIZE", 7, request => Figures.Size(request.Size)),
            new("VISITOR", visitor, request => request.Visitor, false),
        ];
        cells = [.. cells.Where(cell => (showsTime || cell.Head != "TIME") && (showsVisitor || cell.Head != "VISITOR"))];
        Grid grid = NewGrid([.. cells.Select(cell => (cell.Width, cell.IsRight))]);
        grid.AddRow([.. cells.Select(cell => new Text(cell.Head, s_label))]);
        foreach (RequestLine request in requests)
        {
            Style style = StyleOf(request.Mood, isStrong: false);
            grid.AddRow([.. cells.Select(cell => new Text(Cut(cell.Of(request), cell.Width), style))]);
        }

        return grid;
    }

    private static Grid DrawNotes(IReadOnlyList<ConsoleNote> notes)
    {
        Grid grid = NewGrid((TimeWidth, false), (0, false));
        foreach (ConsoleNote note in notes)
        {
            Mood mood = note.Level switch { >= LogLevel.Error => Mood.Bad, LogLevel.Warning => Mood.Doubtful, _ => Mood.Plain };
            grid.AddRow(new Text(Clock(note.At), s_label), new Text(note.Text, StyleOf(mood, isStrong: false)));
        }

        return grid;
    }

    private List<string> Render(IRenderable part, int width)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = hasStyles ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = colors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = Math.Max(20, width);
        console.Profile.Capabilities.Unicode = false;
        console.Write(part);
        string[] lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return [.. lines.Select(line => line.TrimEnd())];
    }

    private static Grid NewGrid(params (int Width, bool IsRight)[] columns)
    {
        var grid = new Grid();
        for (int i = 0; i < columns.Length; i++)
        {
            (int width, bool isRight) = columns[i];
            GridColumn column = new GridColumn().PadLeft(0).PadRight(i == columns.Length - 1 ? 0 : Gap);
            column = width == 0 ? column : column.Width(width).NoWrap();
            grid.AddColumn(isRight ? column.RightAligned() : column);
        }

        return grid;
    }

    private static string Waiting(TunnelLine tunnel) => $"{(tunnel.Name.Length > 0 ? tunnel.Name : tunnel.Origin)} ({(tunnel.State == TunnelState.Refused ? "refused" : "waiting")})";

    private static string Cut(string text, int width) => text.Length <= width ? text : $"{text[..(width - 2)]}..";

    private static string Clock(DateTimeOffset at) => at.ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    private static Style StyleOf(Mood mood, bool isStrong) => new(
        mood switch { Mood.Good => Color.Green, Mood.Doubtful => Color.Olive, Mood.Bad => Color.Maroon, _ => Color.Default },
        decoration: isStrong ? Decoration.Bold : Decoration.None);

    private sealed record Cell<T>(string Head, int Width, Func<T, string> Of, bool IsRight = true);
}
