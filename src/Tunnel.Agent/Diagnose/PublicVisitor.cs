using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net.Security;
using System.Text;
using Tunnel.Agent.Link;
using Tunnel.Transport;
using Tunnel.Transport.Tls;

namespace Tunnel.Agent.Diagnose;

/// <summary>What came back from the public side.</summary>
/// <param name="Code">Of a page of the server's own, as in docs/errors.md; null: it is none.</param>
/// <param name="Nonce">Of the diagnosing agent that answered; null: somebody else did.</param>
/// <param name="Bytes">Of the body.</param>
/// <param name="Time">From the head of the answer to the last byte of its body.</param>
internal sealed record PublicAnswer(int Status, string? Code, string? Nonce, long Bytes, TimeSpan Time);

/// <summary>
/// Visits a public name as anybody would, one request for each connection. Certificates are looked at, not insisted on: nothing
/// secret is sent.
/// </summary>
/// <param name="url">Of the tunnel.</param>
/// <param name="dialer">The way there.</param>
internal sealed class PublicVisitor(Uri url, LinkDialer dialer, MemoryPool<byte> pool, TimeProvider time)
{
    private const int MostHead = 64 * 1024;

    private static readonly byte[] Filler = new byte[64 * 1024];

    /// <summary>What a browser would find wrong with the certificate.</summary>
    public SslPolicyErrors CertificateFaults { get; private set; }

    /// <summary>Asks, and takes the answer to its end.</summary>
    /// <param name="body">Bytes to send.</param>
    /// <param name="enough">What was sent and taken until then is enough.</param>
    /// <returns>Null: there was no answer before it was enough.</returns>
    /// <exception cref="IOException">The connection did not come about, or broke.</exception>
    public async Task<PublicAnswer?> AskAsync(string path, long body, TimeSpan enough, CancellationToken cancel)
    {
        IConnection connection = await dialer.ReachAsync(cancel);
        try
        {
            connection = url.Scheme == Uri.UriSchemeHttps ? await TlsConnection.ConnectAsync(connection, pool, Tls(), cancel) : connection;
            using var timer = new CancellationTokenSource(enough, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancel);
            try
            {
                await SendAsync(connection.Output, path, body, either.Token);
                return await ReadAsync(connection.Input, either.Token, cancel);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return null;
            }
        }
        finally
        {
            connection.Abort();
            await connection.Input.CompleteAsync();
            await connection.DisposeAsync();
        }
    }

    private SslClientAuthenticationOptions Tls() => new()
    {
        TargetHost = url.Host,
        ApplicationProtocols = [SslApplicationProtocol.Http11],
#pragma warning disable CA5359 // What is wrong with the certificate is what is asked for here.
        RemoteCertificateValidationCallback = (_, _, _, faults) =>
        {
            CertificateFaults = faults;
            return true;
        },
#pragma warning restore CA5359
    };

    private async Task SendAsync(PipeWriter output, string path, long body, CancellationToken cancel)
    {
        string head = string.Create(
            CultureInfo.InvariantCulture,
            $"{(body > 0 ? "POST" : "GET")} {path} HTTP/1.1\r\nHost: {url.Authority}\r\nUser-Agent: {Product.Software}\r\nAccept: */*\r\nConnection: close\r\n{(body > 0 ? $"Content-Length: {body}\r\n" : "")}\r\n");
        await output.WriteAsync(Encoding.ASCII.GetBytes(head), cancel);
        for (long left = body; left > 0; left -= Filler.Length)
        {
            if ((await output.WriteAsync(Filler.AsMemory(0, (int)Math.Min(left, Filler.Length)), cancel)).IsCompleted)
            {
                return;
            }
        }
    }

    private async Task<PublicAnswer> ReadAsync(PipeReader input, CancellationToken enough, CancellationToken cancel)
    {
        string head = "";
        long length = 0;
        long bytes = 0;
        long since = 0;
        while (true)
        {
            ReadResult read;
            try
            {
                read = await input.ReadAsync(enough);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested && head.Length > 0)
            {
                return AnswerOf(head, bytes, time.GetElapsedTime(since));
            }

            ReadOnlySequence<byte> rest = read.Buffer;
            if (head.Length == 0)
            {
                string text = Encoding.Latin1.GetString(rest.Slice(0, Math.Min(rest.Length, MostHead)));
                int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
                if (end < 0)
                {
                    input.AdvanceTo(rest.Start, rest.End);
                    if (read.IsCompleted || text.Length == MostHead)
                    {
                        throw new IOException("What answers at the public name does not speak HTTP, or closed the connection.");
                    }

                    continue;
                }

                head = text[..(end + 2)];
                length = long.TryParse(FieldOf(head, "Content-Length"), NumberStyles.None, CultureInfo.InvariantCulture, out long given) ? given : long.MaxValue;
                since = time.GetTimestamp();
                rest = rest.Slice(end + 4);
            }

            bytes += rest.Length;
            input.AdvanceTo(rest.End);
            if (read.IsCompleted || bytes >= length)
            {
                return AnswerOf(head, bytes, time.GetElapsedTime(since));
            }
        }
    }

    private static PublicAnswer AnswerOf(string head, long bytes, TimeSpan time)
    {
        string[] line = head.Split(' ', 3);
        int status = line.Length > 1 && int.TryParse(line[1], NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
        return new PublicAnswer(status, FieldOf(head, "Tunnel-Error"), FieldOf(head, "Tunnel-Diagnose"), bytes, time);
    }

    private static string? FieldOf(string head, string name) => head.Split("\r\n").Skip(1)
        .FirstOrDefault(line => line.StartsWith($"{name}:", StringComparison.OrdinalIgnoreCase)) is { } line
        ? line[(name.Length + 1)..].Trim()
        : null;
}
