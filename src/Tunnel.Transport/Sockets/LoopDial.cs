using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tunnel.Transport.EventThreads;

namespace Tunnel.Transport.Sockets;

/// <summary>
/// Connects while an event loop of ours waits. A socket for which the runtime has waited once would go on telling the runtime's
/// own event threads of every byte, next to our loop.
/// </summary>
internal sealed partial class LoopDial : IReadyHandler
{
    private const int Stream = 1;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int InProgress = 115;

    private readonly TaskCompletionSource<SocketError> _ready = new();

    private LoopDial()
    {
    }

    /// <summary>A socket connected to the end point, which the caller owns.</summary>
    /// <exception cref="SocketException">It did not work.</exception>
    /// <exception cref="OperationCanceledException">It is not wanted any more.</exception>
    public static async Task<Socket> ConnectAsync(EndPoint endPoint, CancellationToken cancel)
    {
        SocketAddress address = endPoint.Serialize();
        var handle = new SafeSocketHandle(Open(address.Buffer.Span[0], Stream | NonBlocking | CloseOnExec, 0), ownsHandle: true);
        try
        {
            if (handle.IsInvalid || Connect(handle, address.Buffer.Span, address.Size) != 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error != InProgress)
                {
                    throw new SocketException((int)SystemErrors.MeaningOf(error));
                }

                await WaitAsync(handle, cancel);
            }

            // Made only now: the runtime believes no connection that it has not seen made.
            var socket = new Socket(handle);
            var result = (SocketError)(int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
            return result == SocketError.Success ? socket : throw new SocketException((int)result);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    void IReadyHandler.OnReady(SocketError error) => _ready.TrySetResult(error);

    private static async Task WaitAsync(SafeSocketHandle handle, CancellationToken cancel)
    {
        var dial = new LoopDial();
        var watch = new SocketWatch();
        watch.Begin(handle, null, dial);
        if (!watch.IsOn)
        {
            throw new SocketException((int)SocketError.NoBufferSpaceAvailable);
        }

        try
        {
            if (watch.TryWaitToSend(out _))
            {
                using (cancel.UnsafeRegister(static waiting => ((SocketWatch)waiting!).Close(), watch))
                {
                    await dial._ready.Task;
                }
            }

            cancel.ThrowIfCancellationRequested();
        }
        finally
        {
            // Whether it is wanted or not: the loop keeps a place for each.
            watch.End(handle);
        }
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(int family, int kind, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Connect(SafeHandle socket, ReadOnlySpan<byte> address, int length);
}
