using System.CommandLine;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Secrets;
using Tunnel.Hosting.Settings;

namespace Tunnel.Server;

/// <summary>The server's settings file: its options by their names (docs/operating.md, "The file of the server"). Read at the start.</summary>
internal static class ServerFile
{
    private const string FileName = "tunnel.yaml";

    private const string Example = """
        # tunnel-server                    reads this from the place that 'tunnel-server config path' prints
        # tunnel-server config check       finds mistakes
        # The keys are the names of the options in 'tunnel-server --help-all', without the hyphens in front.

        domain: tunnel.com                 # tunnels are <subdomain>.tunnel.com

        # acme: admin@tunnel.com           # certificates by themselves
        # cert: /etc/letsencrypt/live/tunnel.com/fullchain.pem
        # key: /etc/letsencrypt/live/tunnel.com/privkey.pem
        # https-redirect: true

        # tcp-ports: 20000-20999           # for what is not HTTP
        # trusted-proxy: [10.0.0.0/8]      # load balancers in front
        # access-log: /var/log/tunnel-server/access.log

        """;

    /// <summary>Where the file is looked for: the user's own place, or on Linux the machine's if there is none.</summary>
    public static string UsualPath
    {
        get
        {
            string own = Path.Combine(ProgramFolders.Config("tunnel-server"), FileName);
            return OperatingSystem.IsLinux() && !File.Exists(own) ? $"/etc/tunnel-server/{FileName}" : own;
        }
    }

    /// <summary>The file that holds where this one is named; null: there is none.</summary>
    public static string? Find(string? named) => named ?? (File.Exists(UsualPath) ? UsualPath : null);

    /// <summary>Options from the command line, the environment, the file and the defaults, in this order.</summary>
    public static ServerOptions Bind(OptionBinder<ServerOptions> binder, ParseResult arguments, ServerOptions defaults, OptionFaults faults) =>
        binder.Bind(arguments, defaults, faults, ReadWhere(binder.Bind(arguments, defaults, new OptionFaults()).ConfigFile, faults));

    /// <summary>What the file says that holds where this one is named; null: there is none.</summary>
    public static IReadOnlyDictionary<string, GivenValue>? ReadWhere(string? named, OptionFaults faults) => Find(named) is { } path ? Read(path, faults) : null;

    /// <summary>Adds <c>config</c> and what is below it.</summary>
    public static void AddTo(Command root) => ConfigCommand.AddTo(root, () => UsualPath, Example, check =>
    {
        var options = new OptionBinder<ServerOptions>(check, ServerDeclarations.Prefix, ServerDeclarations.All.Where(declaration => declaration.Name == SettingFile.OptionName));
        return (parsed, faults) =>
        {
            string path = options.Bind(parsed, new ServerOptions(), faults).ConfigFile ?? UsualPath;
            ServerOptions read = Apply(Read(path, faults), faults);
            faults.ThrowIfAny();
            read.Validate();
            return $"{path} is right. Tunnels are names below {read.Domain}.";
        };
    });

    /// <summary>What the file says, by the names of the options.</summary>
    internal static IReadOnlyDictionary<string, GivenValue> Read(string path, OptionFaults faults)
    {
        var own = new OptionFaults();
        if (SettingFile.Read(path, Environment.GetEnvironmentVariable, own) is not { } settings)
        {
            foreach (string fault in own.All)
            {
                faults.Add($"--{SettingFile.OptionName}: {fault}");
            }

            return new Dictionary<string, GivenValue>();
        }

        faults.AddAll(own);
        return SettingSection.ValuesByName(settings, [.. ServerDeclarations.All.Where(declaration => declaration.Name != SettingFile.OptionName)], faults);
    }

    /// <summary>The options as the file alone has them.</summary>
    internal static ServerOptions Apply(IReadOnlyDictionary<string, GivenValue> values, OptionFaults faults) =>
        ServerDeclarations.All.Where(declaration => values.ContainsKey(declaration.Name))
            .Aggregate(new ServerOptions(), (options, declaration) => declaration.Apply(options, values[declaration.Name], faults));
}
