using System.CommandLine;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent.Tunnels;

/// <summary>Which file is meant.</summary>
internal sealed record AgentFileOptions
{
    public string Path { get; init; } = AgentFile.UsualPath;

    public static IReadOnlyList<OptionDeclaration<AgentFileOptions>> Declarations { get; } =
    [
        Declare<AgentFileOptions>.Path("config", "FILE", "The settings file.", o => o.Path, (o, v) => o with { Path = v }) with { DefaultInWords = "what 'tunnel-agent config path' prints" },
    ];
}

/// <summary><c>tunnel-agent config check | path | example</c>: is the file right, where is it, what does one look like?</summary>
internal sealed class ConfigCommand
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

    public ConfigCommand(Command root)
    {
        var check = new Command("check", "Reads the file and tells every mistake in it.");
        var path = new Command("path", "Prints where the file is looked for.");
        var example = new Command("example", "Prints a file to begin with.");
        var file = new OptionBinder<AgentFileOptions>(check, AgentOptions.EnvironmentPrefix, AgentFileOptions.Declarations);
        ProgramRunner.Attach(check, parsed => CheckAsync(file.Bind(parsed, new AgentFileOptions(), new OptionFaults())));
        ProgramRunner.Attach(path, _ => PrintAsync(AgentFile.UsualPath));
        ProgramRunner.Attach(example, _ => PrintAsync(Example.TrimEnd()));
        root.Subcommands.Add(new Command("config", "About the settings file: is it right, where is it, what does one look like?") { check, path, example });
    }

    private static async Task<int> CheckAsync(AgentFileOptions options)
    {
        var faults = new OptionFaults();
        AgentFile? file = AgentFile.Read(options.Path, faults);
        _ = file?.ReadAgent(faults);
        faults.ThrowIfAny();
        return await PrintAsync($"{options.Path} is right. Tunnels: {file!.Names}.");
    }

    private static async Task<int> PrintAsync(string text)
    {
        await StandardLines.OutAsync(text);
        return ExitCodes.Stopped;
    }
}
