using Microsoft.Extensions.Logging;
using Tunnel.Hosting;
using Tunnel.Hosting.Secrets;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Identity;

namespace Tunnel.Server;

/// <summary>What the log says once, at the start: who may connect, and what lies open.</summary>
internal static class StartLines
{
    public static void Tell(ServerOptions options, ServerState? state, ILogger log)
    {
        TellWhoMayConnect(options, state, log);
        if (state is not null)
        {
            foreach (string file in OwnerOnlyFile.FindOpenToOthers(state.Folder))
            {
                ServerLog.FileIsOpen(log, Printable.Of(file), Directory.Exists(file) ? "go-w" : "600");
            }
        }

        foreach (string key in options.Tls.Keys.Where(OwnerOnlyFile.IsOpenToEverybody))
        {
            ServerLog.FileIsOpen(log, Printable.Of(key), "o-rwx");
        }
    }

    private static void TellWhoMayConnect(ServerOptions options, ServerState? state, ILogger log)
    {
        if (options.Agents.RequireToken)
        {
            ServerLog.EveryAgentNeedsToken(log);
        }
        else if (state is null)
        {
            ServerLog.NoState(log);
        }
        else
        {
            ServerLog.LocalAgentsAreFree(log);
        }

        if (options.Agents.AllowPlaintext)
        {
            ServerLog.PlaintextAgentsAllowed(log);
        }
    }
}
