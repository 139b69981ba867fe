using System.Buffers;
using System.Threading.Channels;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;

namespace Tunnel.Framing.Tests.Sessions;

/// <summary>An owner of a session that keeps all it is told for the test to take.</summary>
internal sealed class RecordingUser : ISessionUser
{
    private readonly Channel<TunnelStream> _streams = Channel.CreateUnbounded<TunnelStream>();
    private readonly Channel<(FrameKind Kind, byte[] Payload)> _messages = Channel.CreateUnbounded<(FrameKind, byte[])>();
    private readonly TaskCompletionSource<GoAwayMessage> _goAway = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Set before the session runs: takes streams in place of <see cref="NextStreamAsync"/>.</summary>
    public Action<TunnelStream>? Serve { get; set; }

    public Task<GoAwayMessage> GoAway => _goAway.Task;

    public void OnStream(TunnelStream stream)
    {
        if (Serve is { } serve)
        {
            serve(stream);
        }
        else
        {
            _streams.Writer.TryWrite(stream);
        }
    }

    public void OnMessage(FrameKind kind, in ReadOnlySequence<byte> payload) =>
        _messages.Writer.TryWrite((kind, payload.ToArray()));

    public void OnGoAway(GoAwayMessage message) => _goAway.SetResult(message);

    /// <summary>Lets go of the streams that nobody took.</summary>
    public void DisposeAll()
    {
        while (_streams.Reader.TryRead(out TunnelStream? stream))
        {
            stream.Dispose();
        }
    }

    /// <summary>As <see cref="NextStreamAsync"/>, without a guard and without its cost.</summary>
    public ValueTask<TunnelStream> TakeStreamAsync() => _streams.Reader.ReadAsync();

    public Task<TunnelStream> NextStreamAsync() => _streams.Reader.ReadAsync().Within();

    public Task<(FrameKind Kind, byte[] Payload)> NextMessageAsync() => _messages.Reader.ReadAsync().Within();
}
