using Tunnel.Transport.Sockets;

namespace Tunnel.Transport.Tests.Sockets;

/// <summary>
/// The two ways in which a connection waits for its socket: an event loop of ours, where there is one, and the runtime. What
/// the tests ask for holds for both.
/// </summary>
internal static class Waits
{
    public static SocketConnectionOptions ByRuntime { get; } = new() { WaitsByRuntime = true };
}

public sealed class EventLoopSocketConnectionTests() : SocketConnectionTests(SocketConnectionOptions.Default);

public sealed class RuntimeSocketConnectionTests() : SocketConnectionTests(Waits.ByRuntime);

public sealed class EventLoopSocketPipeReaderTests() : SocketPipeReaderTests(SocketConnectionOptions.Default);

public sealed class RuntimeSocketPipeReaderTests() : SocketPipeReaderTests(Waits.ByRuntime);

public sealed class EventLoopSocketPipeWriterTests() : SocketPipeWriterTests(SocketConnectionOptions.Default);

public sealed class RuntimeSocketPipeWriterTests() : SocketPipeWriterTests(Waits.ByRuntime);

public sealed class EventLoopAbortRaceTests() : AbortRaceTests(SocketConnectionOptions.Default);

public sealed class RuntimeAbortRaceTests() : AbortRaceTests(Waits.ByRuntime);
