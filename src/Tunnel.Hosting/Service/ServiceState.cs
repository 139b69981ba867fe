namespace Tunnel.Hosting.Service;

/// <summary>How a service stands.</summary>
/// <param name="Since">As the system writes it; empty: it does not say.</param>
/// <param name="Reason">Why it does not run, as a clause: <c>it ended with exit code 3</c>; empty: it was not started, or stopped as asked.</param>
/// <param name="StartsByItself">With the machine, or with its user's login.</param>
public sealed record ServiceState(ServiceStanding Standing, int Process = 0, string Since = "", string Reason = "", bool StartsByItself = false);

/// <summary>The one word of it.</summary>
public enum ServiceStanding
{
    /// <summary>The system knows no such service.</summary>
    Unknown,
    Stopped,

    /// <summary>Not ready yet; or it ended, and is started again in a moment.</summary>
    Starting,
    Running,

    /// <summary>It ended by a failure, and is not started again.</summary>
    Failed,
}
