using System.CommandLine;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Settings;

namespace Tunnel.Agent.Tunnels;

/// <summary>Which file is meant.</summary>
internal sealed record AgentFileOptions
{
    public string Path { get; init; } = AgentFile.UsualPath;

    public static IReadOnlyList<OptionDeclaration<AgentFileOptions>> Declarations { get; } =
    [
        SettingFile.Declare<AgentFileOptions>("what 'tunnel-agent config path' prints", o => o.Path, (o, v) => o with { Path = v }),
    ];
}

/// <summary><c>tunnel-agent config check | path | example</c>: is the file right, where is it, what does one look like?</summary>
internal static class AgentFileCommand
{
    private const string Example = """
        # tunnel-agent start --all         runs all of these; start web api only some
        # tunnel-agent config check        finds mistakes
        # The keys are the names of the options in 'tunnel-agent --help-all', without the hyphens in front.

        # server: tunnel.com:443           # what 'tunnel-agent login' stored says it already
        # log-level: information

        tunnels:
          web:                             # your name for it
            port: 5173                     # or origin: 192.168.1.5:80, https://localhost:8443, unix:/run/app.sock
            subdomain: demo                # demo.<the server's domain>; left out, the server chooses
            host-header: origin            # the local server believes that it is visited there
            paths:
              /api: 3000                   # a part of the name with a server of its own

          # admin:
          #   port: 8080
          #   hostname: admin.example.org
          #   allow: [10.0.0.0/8, 192.0.2.7]
          #   basic-auth: ["anna:${ANNAS_PASSWORD}"]

          # db: { protocol: tcp, port: 5432, remote-port: 20432 }
          # mail: { protocol: tls, port: 8443, hostname: mail.example.org }

        """;

    public static void AddTo(Command root) => ConfigCommand.AddTo(root, () => AgentFile.UsualPath, Example, check =>
    {
        var options = new OptionBinder<AgentFileOptions>(check, AgentOptions.EnvironmentPrefix, AgentFileOptions.Declarations);
        return (parsed, faults) =>
        {
            string path = options.Bind(parsed, new AgentFileOptions(), faults).Path;
            AgentFile? file = AgentFile.Read(path, faults);
            _ = file?.ReadAgent(faults);
            return $"{path} is right. Tunnels: {file?.Names}.";
        };
    });
}
