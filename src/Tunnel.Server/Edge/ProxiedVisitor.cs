using System.IO.Pipelines;
using System.Net;
using Tunnel.Hosting;
using Tunnel.Server.Diagnostics;
using Tunnel.Transport;
using Tunnel.Transport.ProxyProtocol;

namespace Tunnel.Server.Edge;

/// <summary>
/// A visitor behind a trusted proxy that speaks the PROXY protocol: its header comes before anything else, and from then on
/// the connection is that of whoever the header names.
/// </summary>
/// <param name="open">What is spoken on this port, once the visitor is known.</param>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The end of RunAsync is the end of it.")]
internal sealed class ProxiedVisitor(EdgeServices services, IConnection link, RareLine rare, Func<IConnection, IVisitor> open)
    : IVisitor, IDeadlineTarget
{
    private readonly CancellationTokenSource _limit = new();
    private readonly TaskCompletionSource<IVisitor?> _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private IVisitor? _next;
    private int _stops;

    /// <inheritdoc/>
    public async Task RunAsync()
    {
        IVisitor? next = null;
        Deadline deadline = services.Clock.Add(this);
        deadline.Set(services.Options.Tls.HandshakeTime);
        try
        {
            next = await ReadHeaderAsync() is { } header ? open(new ProxiedConnection(link, header)) : null;
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            // It left, or took too long; a proxy that only looks whether the port is open does the former all the time.
        }
        finally
        {
            deadline.Clear();
            services.Clock.Remove(deadline);
        }

        _begun.TrySetResult(next);
        if (next is null)
        {
            link.Abort();
            await link.Input.CompleteAsync();
            await link.DisposeAsync();
        }
        else
        {
            int stops;
            lock (_lock)
            {
                Volatile.Write(ref _next, next);
                stops = _stops;
            }

            for (int asked = 0; asked < stops; asked++)
            {
                next.Stop();
            }

            await next.RunAsync();
        }

        _limit.Dispose();
    }

    /// <inheritdoc/>
    public void Stop()
    {
        IVisitor? next;
        lock (_lock)
        {
            _stops++;
            next = _next;
        }

        next?.Stop();
    }

    /// <inheritdoc/>
    public async Task WhenSettledAsync()
    {
        if (await _begun.Task is { } next)
        {
            await next.WhenSettledAsync();
        }
    }

    /// <inheritdoc/>
    public void Abort()
    {
        Volatile.Read(ref _next)?.Abort();
        link.Abort();
    }

    void IDeadlineTarget.OnDeadline() => _ = _limit.CancelAsync();

    private async ValueTask<ProxyHeader?> ReadHeaderAsync()
    {
        while (true)
        {
            ReadResult read = await link.Input.ReadAsync(_limit.Token);
            ProxyHeaderOutcome outcome = ProxyHeaderReader.Read(read.Buffer, out ProxyHeader header, out int consumed);
            if (outcome == ProxyHeaderOutcome.Complete)
            {
                link.Input.AdvanceTo(read.Buffer.GetPosition(consumed));
                return header;
            }

            bool isEmpty = read.Buffer.IsEmpty;
            link.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (outcome == ProxyHeaderOutcome.NeedMore && !read.IsCompleted)
            {
                continue;
            }

            if (!isEmpty && rare.IsDue())
            {
                ServerLog.ProxyHeaderMissing(services.Log, link.RemoteEndPoint.ToString());
            }

            return null;
        }
    }

    /// <summary>The connection of the proxy, with the addresses that the header names.</summary>
    private sealed class ProxiedConnection(IConnection link, ProxyHeader header) : IConnection
    {
        public PipeReader Input => link.Input;

        public PipeWriter Output => link.Output;

        public IPEndPoint LocalEndPoint => header.Destination ?? link.LocalEndPoint;

        public IPEndPoint RemoteEndPoint => header.Source ?? link.RemoteEndPoint;

        public long Delivered => link.Delivered;

        public void DiscardUnflushed() => link.DiscardUnflushed();

        public void Abort() => link.Abort();

        public ValueTask DisposeAsync() => link.DisposeAsync();
    }
}
