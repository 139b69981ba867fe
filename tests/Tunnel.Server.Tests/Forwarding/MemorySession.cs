using System.IO.Pipelines;
using System.Text;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Tests.Forwarding;

/// <summary>What streams can be opened on without a link: the test plays the agent.</summary>
internal sealed class MemorySession : IServingSession
{
    public MemorySession() => Shares = new VisitorShares(this);

    public List<MemoryStream> Streams { get; } = [];

    public bool IsAttached => true;

    public bool IsLeaving => false;

    public bool HasRoom => true;

    public int OpenStreams => Streams.Count(stream => !stream.IsDisposed);

    public int MostStreams => 16;

    public VisitorShares Shares { get; }

    public string? TokenName => null;

    public ITunnelStream? TryOpen(in OpenHeader open)
    {
        var stream = new MemoryStream(open);
        Streams.Add(stream);
        return stream;
    }

    public void CopyStreams(List<ITunnelStream> streams) => streams.AddRange(Streams.Where(stream => !stream.IsDisposed));

    internal sealed class MemoryStream(OpenHeader open) : ITunnelStream
    {
        private readonly Pipe _up = new();
        private readonly Pipe _down = new();

        public OpenHeader Open => open;

        public uint Id => 1;

        public ResetCode? ResetCode { get; private set; }

        public StreamProgress Progress => StreamProgress.Waiting;

        public bool HasReachedPeer => true;

        public bool IsDisposed { get; private set; }

        public PipeReader Input => _down.Reader;

        public PipeWriter Output => _up.Writer;

        /// <summary>Everything that was sent to the agent, once that half has ended.</summary>
        public async Task<string> ReceiveAsync()
        {
            ReadResult read;
            do
            {
                read = await _up.Reader.ReadAsync();
                _up.Reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            }
            while (!read.IsCompleted);
            read = await _up.Reader.ReadAsync();
            return Encoding.Latin1.GetString(read.Buffer);
        }

        /// <summary>The agent's answer, all of it.</summary>
        public async Task AnswerAsync(string text)
        {
            await _down.Writer.WriteAsync(Encoding.Latin1.GetBytes(text));
            await _down.Writer.CompleteAsync();
        }

        public void AnswerBegan()
        {
        }

        public void MayBeAbandoned()
        {
        }

        public bool TryPin() => true;

        public void Abort(ResetCode code, string detail = "") => ResetCode = code;

        public void Dispose() => IsDisposed = true;
    }
}
