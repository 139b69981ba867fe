namespace Tunnel.Transport.EventThreads;

/// <summary>
/// Runs what a socket was waited for on the thread that heard of it, instead of handing it to the thread pool: at load a
/// request costs some thread switches less (docs/performance.md). So nothing that goes on after a read or a write may block.
/// On Linux that thread is an <see cref="EventLoop"/>; for what the runtime itself waits for, there and on other Unix systems, it
/// is one of the runtime's. Whoever suspects the loops turns them off from outside (docs/operating.md, "When the event loops are
/// in doubt").
/// </summary>
public static class InlineCompletions
{
    // The runtime reads this once, before its first socket, and has no other switch for it. Elsewhere than on Unix it
    // has no effect.
    private const string Variable = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    internal static bool AreOn => !OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable(Variable) is "1" or "true";

    /// <summary>For this process, from its first socket on; a value in the environment wins.</summary>
    public static void TurnOn()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null)
        {
            Environment.SetEnvironmentVariable(Variable, "1");
        }
    }
}
