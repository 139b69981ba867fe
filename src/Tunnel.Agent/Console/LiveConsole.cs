using System.Globalization;
using Tunnel.Agent.Connection;
using Tunnel.Hosting;

namespace Tunnel.Agent.Console;

/// <summary>
/// The picture on the terminal, drawn again a few times a second at most, and only if something has changed. Stands in for the
/// lines of the log. The last picture stays below the prompt's line when it is disposed.
/// </summary>
internal sealed class LiveConsole : IAsyncDisposable
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(250);

    private readonly AgentOptions _options;
    private readonly TimeProvider _time;
    private readonly Terminal _terminal;
    private readonly ConsolePicture _picture;
    private readonly CancellationTokenSource _over = new();
    private Task _drawing = Task.CompletedTask;

    private LiveConsole(AgentOptions options, Terminal terminal, TimeProvider time)
    {
        _options = options;
        _time = time;
        _terminal = terminal;
        _picture = new ConsolePicture(terminal.Styles);
        Notes = new ConsoleNotes(time);
        Traffic = new TrafficWatch(time);
    }

    /// <summary>Takes the log.</summary>
    public ConsoleNotes Notes { get; }

    /// <summary>Watches the requests.</summary>
    public TrafficWatch Traffic { get; }

    /// <summary>Null: plain lines are wanted, or there is no terminal.</summary>
    public static LiveConsole? TryOpen(AgentOptions options, TimeProvider time) =>
        !options.NoConsole && !options.Log.IsJson && Terminal.Find() is { } terminal ? new LiveConsole(options, terminal, time) : null;

    /// <summary>Tells how to reach a name that leads elsewhere; the address itself is in the picture.</summary>
    public ForwardingLine NewForwardingLine() => new(TextWriter.Null, Notes.NewWriter());

    /// <summary>Begins to draw.</summary>
    /// <param name="stop">The agent was asked to stop.</param>
    /// <param name="hurry">It was asked again, and the process may end at any moment: the terminal is given back at once.</param>
    public void Show(Func<AgentView> look, CancellationToken stop, CancellationToken hurry) => _drawing = DrawAsync(look, stop, hurry);

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _drawing;
        _over.Dispose();
    }

    /// <summary>The agent's state in words.</summary>
    internal static (string Words, Mood Mood) Describe(AgentView view, bool isStopping, DateTimeOffset now)
    {
        double wait = Math.Ceiling(((view.Status.NextTry ?? now) - now).TotalSeconds);
        string when = wait > 0 ? string.Create(CultureInfo.InvariantCulture, $" in {wait} s") : "";
        string reason = Printable.Of(view.Status.Reason);
        return view switch
        {
            { Exit: AgentExit.Stopped } => ("stopped", Mood.Plain),
            { Exit: not null } => ("gave up", Mood.Bad),
            _ when isStopping => (view.Streams == 0 ? "stopping" : $"stopping: {view.Streams} {(view.Streams == 1 ? "request finishes" : "requests finish")}; Ctrl-C ends {(view.Streams == 1 ? "it" : "them")}", Mood.Doubtful),
            { Status.State: AgentState.Connected } => ("online", Mood.Good),
            { Status.State: AgentState.Reconnecting } => ($"holding, reconnecting{when}: {reason}", Mood.Doubtful),
            { Status.NextTry: null } => ("connecting", Mood.Doubtful),
            _ => ($"offline, trying again{when}: {reason}", Mood.Bad),
        };
    }

    private async Task DrawAsync(Func<AgentView> look, CancellationToken stop, CancellationToken hurry)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_over.Token, hurry);
        AgentView view = look();
        int? drawn = null;
        while (!end.IsCancellationRequested)
        {
            view = KeepTunnels(look(), view);
            int now = Stamp(view, stop.IsCancellationRequested);
            if (now != drawn && _terminal.TryShow(Draw(view, stop.IsCancellationRequested)))
            {
                drawn = now;
            }

            await Task.Delay(Between, _time, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await _terminal.LeaveAsync(Draw(KeepTunnels(look(), view), stop.IsCancellationRequested));
    }

    // An agent that has stopped has no tunnels any more; the last picture shows those it had.
    private static AgentView KeepTunnels(AgentView now, AgentView before) => now.Exit is null ? now : now with { Tunnels = before.Tunnels };

    private IReadOnlyList<string> Draw(AgentView view, bool isStopping)
    {
        (int width, int height) = Terminal.Size;
        return _picture.Draw(StateOf(view, isStopping), width, height - 1);
    }

    private ConsoleState StateOf(AgentView view, bool isStopping)
    {
        Traffic.Keep([.. view.Tunnels.Select(tunnel => tunnel.Id)]);
        (string words, Mood mood) = Describe(view, isStopping, _time.GetUtcNow());
        int links = _options.Link.Links;
        return new ConsoleState(
            view.Sessions < links && view.Sessions > 0 ? $"{words} ({view.Sessions} of {links} sessions)" : words,
            mood,
            Printable.Of($"{_options.Link.Host}:{_options.Link.Port}{(view.Server.Software.Length > 0 ? $" ({view.Server.Software})" : "")}"),
            view.RoundTrip,
            view.Server.Token ?? _options.Link.Token?.Id,
            [.. view.Tunnels.Select(LineOf)],
            [.. Traffic.Recent().Select(RequestLine.Of)],
            Notes.Read());
    }

    private TunnelLine LineOf(TunnelView tunnel) => new(
        Printable.Of(tunnel.Options.Name),
        Printable.Of(tunnel.Status.Url),
        Printable.Of(tunnel.Options.OriginText),
        tunnel.Status.State,
        Printable.Of(tunnel.Status.Reason),
        Traffic.Of(tunnel.Id).Read());

    // Equal while the picture would be the same. What passes with time alone is seen once a second.
    private int Stamp(AgentView view, bool isStopping)
    {
        var stamp = new HashCode();
        stamp.Add((Traffic.Changes, Notes.Changes, Terminal.Size, isStopping, view.Sessions, view.RoundTrip, view.Status, view.Exit));
        bool passes = view.Status.NextTry is not null || isStopping;
        foreach (TunnelView tunnel in view.Tunnels)
        {
            TrafficFigures figures = Traffic.Of(tunnel.Id).Read();
            stamp.Add((tunnel, figures.Bytes));
            passes |= figures.Rate > 0;
        }

        stamp.Add(passes ? _time.GetUtcNow().ToUnixTimeSeconds() : 0);
        return stamp.ToHashCode();
    }
}
