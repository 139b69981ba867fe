using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Tunnel.Agent.Local;
using Tunnel.Agent.Tunnels;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Transport;
using Tunnel.Transport.Sockets;
using Tunnel.Transport.Tls;

namespace Tunnel.Agent.Diagnose;

/// <summary>Whether a local server is there, and what it speaks; dialled as the agent dials it.</summary>
internal sealed class OriginProbe(OriginMemory memory, TimeProvider time)
{
    private const int AlertRecord = 0x15;
    private const int Enough = 256;
    private const int BadRequest = 400;

    /// <summary>The preface of HTTP/2 and an empty SETTINGS (RFC 9113 section 3.4).</summary>
    private static readonly byte[] Preface = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SettingsTime = TimeSpan.FromSeconds(1);

    /// <param name="host">What a visitor's request names.</param>
    public async Task ProbeAsync(TunnelOptions tunnel, OriginOptions origin, string host, StepNotes notes, CancellationToken cancel)
    {
        try
        {
            await (tunnel.Protocol == TunnelTypes.Http ? ProbeHttpAsync(tunnel, origin, host, notes, cancel) : ProbeRawAsync(tunnel, origin, notes, cancel));
        }
        catch (DialException error)
        {
            bool isRefused = error.Failure == DialFailure.Refused || origin.Socket is not null;
            notes.Fail(isRefused ? VisitorErrors.OriginRefused : AgentErrors.OriginUnreachable, error.Message);
        }
        catch (OriginFaultException error)
        {
            notes.Fail(DiagnosisErrors.Of(error.Code.Name(), VisitorErrors.OriginInvalid), error.Message);
        }
    }

    private async Task ProbeRawAsync(TunnelOptions tunnel, OriginOptions origin, StepNotes notes, CancellationToken cancel)
    {
        // What a tls tunnel's local server opens is the visitor's own TLS.
        OriginOptions dialled = tunnel.Protocol == TunnelTypes.Tls ? Unchecked(origin) : origin;
        await WithAsync(
            tunnel,
            dialled,
            connection =>
            {
                notes.Say(connection is TlsConnection tls ? $"{origin.Text(tunnel.Protocol)} is there, and speaks TLS ({tls.Version})." : $"{origin.Text(tunnel.Protocol)} takes connections.");
                return Task.CompletedTask;
            },
            cancel);
    }

    private async Task ProbeHttpAsync(TunnelOptions tunnel, OriginOptions origin, string host, StepNotes notes, CancellationToken cancel)
    {
        byte[] head = Encoding.Latin1.GetBytes($"HEAD / HTTP/1.1\r\nHost: {HostOf(tunnel, origin, host)}\r\nUser-Agent: {Product.Software}\r\nConnection: close\r\n\r\n");
        byte[]? answer = await SayAsync(tunnel, origin, head, AnswerTime, cancel);
        string text = Encoding.Latin1.GetString(answer ?? []);
        int status = text.StartsWith("HTTP/1.", StringComparison.Ordinal) && text.Length >= 12 && int.TryParse(text.AsSpan(9, 3), out int number) ? number : 0;
        if (answer is null)
        {
            notes.Warn(VisitorErrors.OriginTimeout, $"It takes connections, and did not answer HEAD / within {AnswerTime.TotalSeconds:0} seconds.");
        }
        else if (!origin.IsHttps && (answer is [] or [AlertRecord, ..] || status == BadRequest) && await SpeaksTlsAsync(tunnel, origin, cancel))
        {
            notes.Fail(AgentErrors.OriginSpeaksTls, $"{origin.Text(tunnel.Protocol)} speaks HTTPS, and was spoken to without.");
        }
        else if (status == 0)
        {
            string what = answer is [] ? "It closed the connection without an answer." : IsSettings(answer) ? "It speaks HTTP/2 only." : $"It does not answer as HTTP does, but with '{Printable.Of(text[..Math.Min(text.Length, 40)])}'.";
            notes.Fail(VisitorErrors.OriginInvalid, what);
        }
        else
        {
            bool hasHttp2 = !origin.IsHttps && IsSettings(await SayAsync(tunnel, origin, Preface, SettingsTime, cancel));
            notes.Say($"It speaks {text[..8]}{(origin.IsHttps ? " over TLS" : "")}{(hasHttp2 ? ", and HTTP/2 without TLS (h2c)" : "")}; its answer to HEAD / is {status}.");
        }
    }

    // The beginning of what it says; empty: it closes without a word. Null: it says nothing for so long.
    private async Task<byte[]?> SayAsync(TunnelOptions tunnel, OriginOptions origin, byte[] what, TimeSpan within, CancellationToken cancel)
    {
        byte[]? beginning = null;
        using var timer = new CancellationTokenSource(within, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
        try
        {
            await WithAsync(
                tunnel,
                origin,
                async connection =>
                {
                    try
                    {
                        await connection.Output.WriteAsync(what, either.Token);
                        ReadResult read = await connection.Input.ReadAtLeastAsync(16, either.Token);
                        beginning = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, Enough)).ToArray();
                        connection.Input.AdvanceTo(read.Buffer.End);
                    }
                    catch (ConnectionBrokenException)
                    {
                        beginning = [];
                    }
                },
                cancel);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }

        return beginning;
    }

    private async Task<bool> SpeaksTlsAsync(TunnelOptions tunnel, OriginOptions origin, CancellationToken cancel)
    {
        try
        {
            await WithAsync(tunnel, Unchecked(origin), static _ => Task.CompletedTask, cancel);
            return true;
        }
        catch (OriginFaultException)
        {
            return false;
        }
    }

    private async Task WithAsync(TunnelOptions tunnel, OriginOptions origin, Func<IConnection, Task> use, CancellationToken cancel)
    {
        (_, IConnection connection) = await new OriginDialer(origin, tunnel.Protocol, memory, time).DialAsync(default, cancel);
        try
        {
            await use(connection);
        }
        finally
        {
            connection.Abort();
            await connection.Input.CompleteAsync();
            await connection.DisposeAsync();
        }
    }

    private static OriginOptions Unchecked(OriginOptions origin) => origin with { IsHttps = true, IsUnchecked = true, CaFile = null };

    private static bool IsSettings(byte[]? answer) => answer is [0, 0, _, 4, ..];

    private static string HostOf(TunnelOptions tunnel, OriginOptions origin, string host) => tunnel.HostHeader switch
    {
        "preserve" => host.Length > 0 ? host : origin.Authority,
        "origin" => origin.Authority,
        var value => value,
    };
}
