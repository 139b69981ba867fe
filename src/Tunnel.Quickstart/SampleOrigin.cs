using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;
using Tunnel.Transport.Buffers;
using Tunnel.Transport.Sockets;

namespace Tunnel.Quickstart;

/// <summary>
/// A web server to put behind the tunnel: a page that shows the request as it arrived, and <c>/events</c>, which sends a
/// server-sent event every second. Loopback only; knows just enough HTTP for that.
/// </summary>
internal sealed class SampleOrigin : IAsyncDisposable
{
    private readonly BlockPool _pool = new();
    private readonly SocketListener _listener = new(BindSpec.Loopback(0), TimeProvider.System);
    private readonly ConcurrentDictionary<SocketConnection, Task> _connections = new();
    private readonly CancellationTokenSource _stop = new();

    public int Port => _listener.Port;

    public static SampleOrigin Start()
    {
        var origin = new SampleOrigin();
        origin._listener.Start(origin.OnAccepted);
        return origin;
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        await _stop.CancelAsync();
        foreach (SocketConnection connection in _connections.Keys)
        {
            connection.Abort();
        }

        await Task.WhenAll(_connections.Values);
        _stop.Dispose();
        _pool.Dispose();
    }

    private void OnAccepted(Socket socket)
    {
        var connection = new SocketConnection(socket, _pool);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[connection] = RunAsync(connection, started.Task);
        started.SetResult();
    }

    private async Task RunAsync(SocketConnection connection, Task started)
    {
        await started;
        var request = new RequestHead(_pool);
        try
        {
            await ServeAsync(connection, request);
            await connection.Output.CompleteAsync();
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            connection.Abort();
        }
        finally
        {
            request.Reset();
            await connection.Input.CompleteAsync();
            await connection.DisposeAsync();
            _connections.TryRemove(connection, out _);
        }
    }

    private async Task ServeAsync(SocketConnection connection, RequestHead request)
    {
        var parser = new RequestHeadParser(HttpLimits.Default);
        while (true)
        {
            ReadResult read = await connection.Input.ReadAsync();
            ParseOutcome outcome = parser.Parse(read.Buffer, request, out SequencePosition consumed, out SequencePosition examined);
            connection.Input.AdvanceTo(consumed, examined);
            if (outcome == ParseOutcome.Rejected || (outcome == ParseOutcome.NeedMore && read.IsCompleted))
            {
                return;
            }

            if (outcome == ParseOutcome.Complete)
            {
                bool isEvents = request.Target.SequenceEqual("/events"u8);
                if (isEvents)
                {
                    await SendEventsAsync(connection.Output);
                }

                await SendPageAsync(connection.Output, request);
                if (isEvents || request.Framing.HasContent)
                {
                    // Bodies are not read here; the connection ends instead.
                    return;
                }
            }
        }
    }

    private async Task SendEventsAsync(PipeWriter output)
    {
        Begin(output, "text/event-stream", BodyFraming.Chunked);
        var body = new BodyWriter();
        body.Start(BodyFraming.Chunked);
        for (int second = 1; ; second++)
        {
            body.Write(output, Encoding.ASCII.GetBytes($"data: {second}\n\n"));
            await output.FlushAsync(_stop.Token);
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, _stop.Token);
        }
    }

    private static async Task SendPageAsync(PipeWriter output, RequestHead request)
    {
        byte[] page = Encoding.UTF8.GetBytes(Page(request));
        Begin(output, "text/html; charset=utf-8", BodyFraming.OfLength(page.Length));
        if (request.Method != RequestMethod.Head)
        {
            await output.WriteAsync(page);
        }

        await output.FlushAsync();
    }

    private static void Begin(PipeWriter output, string type, BodyFraming framing)
    {
        var head = new HeadWriter(output);
        head.StatusLine(200);
        head.Field(KnownHeader.ContentType, Encoding.ASCII.GetBytes(type));
        head.Framing(framing);
        head.End();
    }

    private static string Page(RequestHead request)
    {
        var rows = new StringBuilder();
        foreach (HeaderField field in request.Headers)
        {
            rows.Append("<tr><th>").Append(Html(field.Name)).Append("<td>").Append(Html(field.Value));
        }

        return $$"""
            <!doctype html>
            <meta charset="utf-8">
            <title>It works</title>
            <style>
              body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #222 }
              th { text-align: left; padding-right: 1.5rem; font-weight: 600; vertical-align: top; white-space: nowrap }
              td { word-break: break-all } code { background: #eee; padding: .1em .3em }
            </style>
            <h1>It works</h1>
            <p>This page came from a web server on loopback, through an agent and a server, to you.
            It has been open for <b id="seconds">0</b> s, counted by server-sent events through the same tunnel.</p>
            <p>The request <code>{{Html(request.MethodName)}} {{Html(request.Target)}}</code> arrived at the origin with these fields:</p>
            <table>{{rows}}</table>
            <script>new EventSource('/events').onmessage = e => document.getElementById('seconds').textContent = e.data</script>
            """;
    }

    private static string Html(ReadOnlySpan<byte> text) => System.Net.WebUtility.HtmlEncode(Encoding.Latin1.GetString(text));
}
