namespace Tunnel.Hosting.Errors;

/// <summary>What either program can say of itself.</summary>
public static class ProgramErrors
{
    public static KnownError WrongUsage { get; } = new(
        "wrong-usage", FailedParty.Operator, "An option, a variable or a file that is named there cannot be used; the line names it and says what it takes.",
        "Mend it; --help lists all options.", ExitCodes.WrongUsage);

    public static KnownError Failed { get; } = new(
        "failed", FailedParty.Operator, "The program could not do what was asked for; the line has the reason as the system gave it.",
        "Mend the file, disk or network that it names. If it names a type of exception it is a fault of the program: report it, with what --log-level debug shows.",
        ExitCodes.Failed);

    public static KnownError SettingsWrong { get; } = new(
        "settings-wrong", FailedParty.Operator, "The settings file was saved with a mistake in it, so the program goes on with what it had.",
        "Mend the place that the message names, and save again; 'tunnel-agent config check', or tunnel-server's, tells every mistake.");

    public static KnownError RestartNeeded { get; } = new(
        "restart-needed", FailedParty.Operator, "What was changed in the settings file is read only when the program starts: all of the server's, and of the agent's what is not about tunnels.",
        "Start it again when it suits you.");

    public static KnownError OpenSslMissing { get; } = new(
        "openssl-missing", FailedParty.Operator, "The system has no OpenSSL that can be loaded, and nothing works without it.",
        "Install it: Debian: apt-get install libssl3, Alpine: apk add libssl3.", ExitCodes.WrongUsage);

    public static KnownError OutOfMemory { get; } = new(
        "out-of-memory", FailedParty.Operator, "The system refused the program memory.",
        "Give it more, or let it hold less for its peers with --memory-limit; a service manager may start it again.", ExitCodes.Failed);

    public static KnownError FewDescriptors { get; } = new(
        "few-descriptors", FailedParty.Operator, "The process may open fewer files and connections than its limits allow for.",
        "Raise the limit (systemd: LimitNOFILE=, docker: --ulimit nofile=, a shell: ulimit -Hn), or lower --max-connections.");

    public static KnownError FileOpenToOthers { get; } = new(
        "file-open-to-others", FailedParty.Operator, "A file with a secret in it can be read or written by other users of the machine.",
        "Close it with the chmod that the line names.");

    public static KnownError Plaintext { get; } = new(
        "plaintext", FailedParty.Operator, "Agent and server may talk without TLS (--plaintext, --allow-plaintext-agents): whoever is on the way reads and changes everything, tokens included.",
        "Leave the option out, unless what is between them is trusted.");

    public static KnownError LoginByProxy { get; } = new(
        "login-by-proxy", FailedParty.Operator, "A login that lives on its connection (NTLM, Negotiate) came through a proxy whose connections carry many people; it cannot work there.",
        "Use another kind of login, or let visitors connect to the server directly.");

    public static KnownError InternalError { get; } = new(
        "internal-error", FailedParty.Operator, "A fault of the program, which cost one connection, request or session; the log of the program that made it has the exception.",
        "Report it with that.");

    // How a session ends that was closed by either side; docs/protocol.md, section 9, has the codes one by one.
    public static KnownError ProtocolViolation { get; } = new(
        "protocol-violation", FailedParty.Agent, "A peer broke a rule of the protocol, and its session was closed; the line has the rule.",
        "Bring agent and server to the same version. If they are, report it.");

    public static KnownError Flood { get; } = new(
        "flood", FailedParty.Agent, "A peer sent more than it may of what costs work and moves nothing, or acknowledges nothing, and its session was closed.",
        "Look what the agent was doing; one of an unknown make is to blame most likely. If both are ours, report it.");

    public static KnownError Revoked { get; } = new(
        "revoked", FailedParty.Operator, "The agent's token was revoked or has expired, and its sessions ended.",
        "Nothing, if that was meant. Otherwise make a new token with 'tunnel-server token create NAME', and log in with it.");

    public static KnownError ControlUnavailable { get; } = new(
        "control-unavailable", FailedParty.Operator, "The program has no control socket, so status, reload and stop do not find it; everything else works.",
        "Mend the folder that the line names, or set XDG_RUNTIME_DIR to one of this user's.");

    public static KnownError ControlInvalid { get; } = new(
        "control-invalid", FailedParty.Operator, "A running program was asked for something it does not understand at its control socket.",
        "Use a command of the same version as the program that runs.", ExitCodes.Failed);

    public static KnownError ControlNoAnswer { get; } = new(
        "control-no-answer", FailedParty.Operator, "A running program does not answer at its control socket: it hangs, was stopped with Ctrl-Z, or is of another make.",
        "Look what it does; kill PID ends it.", ExitCodes.Failed);

    public static KnownError ServiceUnsupported { get; } = new(
        "service-unsupported", FailedParty.Operator, "Nothing on this machine runs services in a way that these commands know.",
        "Let what starts programs here start it (the container's own manager, OpenRC, runit, cron's @reboot): it runs in the foreground and ends on SIGTERM.", ExitCodes.Failed);

    public static KnownError ServiceUnknown { get; } = new(
        "service-unknown", FailedParty.Operator, "There is no service of that name, of this user or, for root, of the machine.",
        "'service install' makes one. One of the machine is root's: sudo. One of several has a --name.", ExitCodes.Failed);

    public static KnownError ServiceFileChanged { get; } = new(
        "service-file-changed", FailedParty.Operator, "A file of the service is not what 'service install' wrote: somebody changed it, or made it.",
        "Move what was changed into a drop-in, 'systemctl edit NAME'; --force gives it up.", ExitCodes.Failed);

    public static KnownError ServiceOutOfReach { get; } = new(
        "service-out-of-reach", FailedParty.Operator, "The service could not read the program or a file of it: it lies where the system lets no service look, or is closed to its account.",
        "Put it where the line says, or name an account or a group that may read it, with --run-as or --group.", ExitCodes.Failed);

    public static KnownError ServiceVariables { get; } = new(
        "service-variables", FailedParty.Operator, "The settings use environment variables that the service would not have: it knows nothing of a shell's.",
        "Write them into the file that the line names, NAME=VALUE for each, chmod 600. Where there is none, the settings file takes the value itself.", ExitCodes.Failed);

    public static KnownError ServiceToolFailed { get; } = new(
        "service-tool-failed", FailedParty.Operator, "A program of the system refused what it was asked to do with the service; the line has its words.",
        "A service of the machine is root's: sudo. A user's needs that user's own login, not su; 'loginctl enable-linger USER' makes one that stays.", ExitCodes.Failed);

    public static KnownError ServiceDoesNotRun { get; } = new(
        "service-does-not-run", FailedParty.Operator, "The service was made or started, and ended; the last lines of its log say why.",
        "Mend that, then 'service restart'. 'service logs' shows more of it.", ExitCodes.Failed);
}
