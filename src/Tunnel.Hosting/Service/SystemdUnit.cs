using System.Buffers;
using System.Globalization;
using System.Text;

namespace Tunnel.Hosting.Service;

/// <summary>
/// The unit of a service (systemd.service(5), systemd.exec(5)). One of the machine may do nothing that it does not need; one of a user
/// has what a user's manager can give. docs/service.md shows both, and a test holds the page against this.
/// </summary>
internal static class SystemdUnit
{
    private const string Confined = """
        ProtectSystem=strict
        ProtectHome=yes
        ProtectProc=invisible
        ProtectClock=yes
        ProtectHostname=yes
        ProtectControlGroups=yes
        ProtectKernelLogs=yes
        ProtectKernelModules=yes
        ProtectKernelTunables=yes
        PrivateDevices=yes
        PrivateTmp=yes

        """;

    private const string ConfinedAnywhere = """
        NoNewPrivileges=yes
        RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
        RestrictNamespaces=yes
        RestrictRealtime=yes
        RestrictSUIDSGID=yes
        LockPersonality=yes
        SystemCallArchitectures=native
        SystemCallFilter=@system-service
        SystemCallFilter=~@privileged @resources
        # The event threads say that they are no hurry; the runtime asks where its threads may run.
        SystemCallFilter=sched_setscheduler sched_setaffinity
        SystemCallErrorNumber=EPERM
        UMask=0077

        """;

    private static readonly SearchValues<char> s_plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=@,+");

    /// <param name="variables">The file with its environment variables, which need not be there.</param>
    /// <param name="isOfMachine">Run by the machine's manager, not by a user's.</param>
    public static string Of(ServiceDescription service, string variables, bool isOfMachine)
    {
        var unit = new StringBuilder();
        unit.Append($"# {ServiceFile.Mark(service.Program)}\n");
        unit.Append($"# Your own settings: systemctl {(isOfMachine ? "" : "--user ")}edit {service.Name}\n\n");
        unit.Append($"[Unit]\nDescription={service.Name}\n{(isOfMachine ? "Wants=network-online.target\nAfter=network-online.target\n" : "")}");
        unit.Append($"\n[Service]\nType=notify\nExecStart={CommandLine(service.Command)}\nExecReload=/bin/kill -HUP $MAINPID\n");
        unit.Append("Restart=on-failure\nRestartSec=2\n");
        unit.Append($"RestartPreventExitStatus={string.Join(' ', service.FinalExitCodes.Select(code => code.ToString(CultureInfo.InvariantCulture)))}\n");
        unit.Append("# The grace, and what a stop may take beyond it.\nTimeoutStopSec=60\nLimitNOFILE=65536\n");
        unit.Append($"EnvironmentFile=-{Literal(variables)}\n");
        if (isOfMachine)
        {
            unit.Append(service.Account is { } account ? $"User={account}\n" : "DynamicUser=yes\n");
            unit.Append(service.Group is { } group ? $"SupplementaryGroups={group}\n" : "");
            unit.Append(service.TokenFile is { } token ? $"LoadCredential=token:{Literal(token)}\n" : "");
            unit.Append($"StateDirectory={service.Name}\nStateDirectoryMode=0700\n");
            unit.Append(service.HasLogs ? $"LogsDirectory={service.Name}\nLogsDirectoryMode=0750\n" : "");
            unit.Append(service.HasControl ? $"RuntimeDirectory={service.Name}\nRuntimeDirectoryMode=0700\n" : "");
            unit.Append(service.TakesLowPorts ? "AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" : "CapabilityBoundingSet=\n");
            unit.Append(Confined);
        }

        unit.Append(ConfinedAnywhere);
        return unit.Append($"\n[Install]\nWantedBy={(isOfMachine ? "multi-user" : "default")}.target\n").ToString();
    }

    /// <summary>A command line of which systemd makes these words again.</summary>
    /// <param name="words">Without control characters.</param>
    internal static string CommandLine(IReadOnlyList<string> words) =>
        // The path of the executable has specifiers, and no variables.
        string.Join(' ', words.Select((word, index) => Quote(index == 0 ? word : word.Replace("$", "$$", StringComparison.Ordinal))));

    private static string Quote(string word) =>
        word.Length > 0 && !word.AsSpan().ContainsAnyExcept(s_plain)
            ? word
            : $"\"{Literal(word).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    // A value that is taken as it stands, but for specifiers.
    private static string Literal(string text) => text.Replace("%", "%%", StringComparison.Ordinal);
}
