using System.Globalization;
using Microsoft.Extensions.Logging;
using Tunnel.Agent.Tunnels;

namespace Tunnel.Agent.Console;

/// <summary>Draws what is to be seen: a function from the state and the terminal's size to lines, and nothing else.</summary>
internal sealed class ConsolePicture(TextStyles styles)
{
    private const int Gap = TextLayout.Gap;
    private const int TimeWidth = 8;
    private const int MostVisitor = 15;
    private const int MostStatus = 16;

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
        List<string> top = DrawHead(state, width);
        List<string> notes = DrawNotes(state.Notes, width);
        int mostTunnels = Math.Max(3, (height - top.Count) / 2);
        List<string> tunnels = DrawTunnels(state.Tunnels, width);
        if (tunnels.Count > mostTunnels)
        {
            int online = state.Tunnels.Count(tunnel => tunnel.State == TunnelState.Online);
            tunnels = [.. tunnels[..(mostTunnels - 1)], TextLayout.Cut($"  ... {state.Tunnels.Count} tunnels, {online} online", width)];
        }

        notes = notes[^Math.Min(notes.Count, Math.Max(2, height / 3))..];
        int room = height - top.Count - tunnels.Count - notes.Count - (notes.Count > 0 ? 3 : 2);
        List<string> requests = room < 2 ? [] : DrawRequests([.. state.Requests.Take(room - 1)], width);
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

    private List<string> DrawHead(ConsoleState state, int width)
    {
        var layout = new TextLayout(width, styles);
        layout.Add(Label("tunnel-agent", Look.Strong), new TextCell(state.State, Look: new Look(state.Mood, IsStrong: true)));
        layout.Add(Label("server", Look.Label), new TextCell(state.Server));
        if (state.RoundTrip is { } time)
        {
            layout.Add(Label("round trip", Look.Label), new TextCell(Figures.Time(time)));
        }

        if (state.Token is { } token)
        {
            layout.Add(Label("token", Look.Label), new TextCell(token));
        }

        return layout.Lines;

        static TextCell Label(string text, Look look) => new(text, "tunnel-agent".Length, look);
    }

    private List<string> DrawTunnels(IReadOnlyList<TunnelLine> tunnels, int width)
    {
        bool hasNames = tunnels.Any(tunnel => tunnel.Name.Length > 0);
        string[] titles = [.. tunnels.Select(tunnel => tunnel.Url.Length > 0 ? tunnel.Url : Waiting(tunnel))];
        int title = titles.Select(text => text.Length).Append("TUNNEL".Length).Max();
        int all = s_figures.Sum(cell => cell.Width + Gap);
        bool isOneLine = title + all <= width;
        int name = hasNames ? tunnels.Select(tunnel => tunnel.Name.Length).Append("NAME".Length).Max() : 0;
        int origin = tunnels.Select(tunnel => tunnel.Origin.Length).Append("LOCAL".Length).Max();
        bool showsOrigin = isOneLine && title + all + origin + Gap <= width;
        bool showsName = isOneLine && hasNames && title + all + name + Gap + (showsOrigin ? origin + Gap : 0) <= width;

        // Under its address, a little to the right, where the line has no room for both.
        Cell<TrafficFigures>[] figures = [.. s_figures.TakeWhile((_, i) => isOneLine || s_figures[..(i + 1)].Sum(cell => cell.Width + Gap) <= width)];
        var layout = new TextLayout(width, styles);
        layout.Add([.. Lead("NAME", "TUNNEL", "LOCAL", Look.Label), .. figures.Select(cell => new TextCell(cell.Head, cell.Width, Look.Label, IsRight: true))]);
        for (int i = 0; i < tunnels.Count; i++)
        {
            TunnelLine tunnel = tunnels[i];
            Look look = new(tunnel.State switch { TunnelState.Online => Mood.Good, TunnelState.Refused => Mood.Bad, _ => Mood.Doubtful });
            if (!isOneLine)
            {
                layout.AddText(titles[i], look);
            }

            layout.Add([.. Lead(tunnel.Name, titles[i], tunnel.Origin, look), .. figures.Select(cell => new TextCell(cell.Of(tunnel.Traffic), cell.Width, IsRight: true))]);
            if (tunnel.Reason.Length > 0)
            {
                layout.AddText(tunnel.Reason, look, indent: Gap);
            }
        }

        return layout.Lines;

        IEnumerable<TextCell> Lead(string nameText, string titleText, string originText, Look look)
        {
            if (showsName)
            {
                yield return new TextCell(nameText, name, look);
            }

            if (isOneLine)
            {
                yield return new TextCell(titleText, title, look);
            }

            if (showsOrigin)
            {
                yield return new TextCell(originText, origin, Look.Label);
            }
        }
    }

    private List<string> DrawRequests(IReadOnlyList<RequestLine> requests, int width)
    {
        var layout = new TextLayout(width, styles);
        if (requests.Count == 0)
        {
            layout.AddText("No request yet.", Look.Label);
            return layout.Lines;
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
        layout.Add(cells.Select(cell => new TextCell(cell.Head, cell.Width, Look.Label, cell.IsRight)));
        foreach (RequestLine request in requests)
        {
            layout.Add(cells.Select(cell => new TextCell(cell.Of(request), cell.Width, new Look(request.Mood), cell.IsRight)));
        }

        return layout.Lines;
    }

    private List<string> DrawNotes(IReadOnlyList<ConsoleNote> notes, int width)
    {
        var layout = new TextLayout(width, styles);
        foreach (ConsoleNote note in notes)
        {
            Mood mood = note.Level switch { >= LogLevel.Error => Mood.Bad, LogLevel.Warning => Mood.Doubtful, _ => Mood.Plain };
            layout.Add(new TextCell(Clock(note.At), TimeWidth, Look.Label), new TextCell(note.Text, Look: new Look(mood)));
        }

        return layout.Lines;
    }

    private static string Waiting(TunnelLine tunnel) => $"{(tunnel.Name.Length > 0 ? tunnel.Name : tunnel.Origin)} ({(tunnel.State == TunnelState.Refused ? "refused" : "waiting")})";

    private static string Clock(DateTimeOffset at) => at.ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    private sealed record Cell<T>(string Head, int Width, Func<T, string> Of, bool IsRight = true);
}
