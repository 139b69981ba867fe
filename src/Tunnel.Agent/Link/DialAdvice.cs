using Tunnel.Hosting.Errors;
using Tunnel.Transport.Sockets;

namespace Tunnel.Agent.Link;

/// <summary>What the person who runs the agent can do about a server that is not reached.</summary>
internal static class DialAdvice
{
    /// <summary>Where the agent was let in at the wrong door.</summary>
    public const string AgentPort = "Name the server's port for agents with --server HOST:PORT; it is 443 where the server has HTTPS, and 9090 (or its --agent-port) in any case.";

    public static string For(DialFailure failure, LinkOptions options) => failure switch
    {
        // A fresh machine: nothing was said of a server, and there is none here.
        DialFailure.Refused when options is { Token: null, Host: "localhost" } =>
            "If the tunnel-server is another machine, name it with --server, or run 'tunnel-agent login' with a token that was made there.",
        DialFailure.Refused => "Is tunnel-server running there, and is this its port for agents?",
        DialFailure.TimedOut => "Is it the right address, and does a firewall there let this port through?",
        DialFailure.NameNotResolved => "Check --server, and whether this machine has a network.",
        _ => "Check --server, and the network of this machine.",
    };

    public static KnownError ErrorOf(DialFailure failure) => failure switch
    {
        DialFailure.OutOfDescriptors => ProgramErrors.FewDescriptors,
        DialFailure.Refused => AgentErrors.ServerRefused,
        DialFailure.TimedOut => AgentErrors.ServerTimeout,
        DialFailure.NameNotResolved => AgentErrors.ServerNameUnresolved,
        _ => AgentErrors.ServerUnreachable,
    };
}
