using System.CommandLine;
using Tunnel.Agent.Identity;
using Tunnel.Agent.Link;
using Tunnel.Agent.Tunnels;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Service;

namespace Tunnel.Agent.Service;

/// <summary><c>tunnel-agent service install</c>: a service that runs every tunnel of the settings file, and follows it (docs/service.md).</summary>
internal static class AgentService
{
    private const string TokenVariable = "TUNNEL_AGENT_TOKEN";

    /// <summary>The settings file of a service of the machine, unless another is named.</summary>
    private static string MachinePath { get; } = OperatingSystem.IsWindows()
        ? Path.Combine(WindowsTasks.MachineData, "Roaming", "tunnel-agent", "tunnel.yaml")
        : "/etc/tunnel-agent/tunnel.yaml";

    public static HelpText Help { get; } = new()
    {
        Usage = ["[--config FILE] [options]"],
        Examples =
        [
            ("tunnel-agent service install", "For you: the tunnels of your settings file, whenever you are logged in."),
            ("sudo tunnel-agent service install", "For the machine, from its start on: the tunnels of /etc/tunnel-agent/tunnel.yaml."),
        ],
    };

    /// <summary>Adds the agent's options, and says what makes a service of them.</summary>
    public static Func<ParseResult, ServiceWish, ServiceDescription> Extend(Command install)
    {
        var file = new OptionBinder<FileOptions>(install, AgentOptions.EnvironmentPrefix, FileOptions.Declarations);
        return (parsed, wish) => Describe(file.Bind(parsed, new FileOptions(), new OptionFaults()).Path, wish);
    }

    /// <exception cref="SettingException">There is no settings file.</exception>
    /// <exception cref="OptionException">There are mistakes in it.</exception>
    internal static ServiceDescription Describe(string? given, ServiceWish wish)
    {
        string path = Path.GetFullPath(given ?? (wish.IsOfMachine ? MachinePath : AgentFile.UsualPath));
        if (!File.Exists(path))
        {
            throw new SettingException(
                AgentErrors.ServiceWithoutSettings, $"There is no {path}, and the service runs the tunnels of that file. 'tunnel-agent config example > {path}' makes one to begin with.");
        }

        var variables = new ServiceVariables(wish.VariablesPath is { } place ? VariablesFile.Read(place) : new Dictionary<string, string>());
        var faults = new OptionFaults();
        AgentFile? file = AgentFile.Read(path, faults, variables.Find);
        LinkOptions link = file?.ReadAgent(faults).Link ?? new LinkOptions();
        faults.ThrowIfAny();
        FoundToken? token = TokenSource.Find(null, link.TokenFile, link.TokenFile is null ? link.TokenText ?? variables.Find(TokenVariable) : null, TokenPlace.FilePath);
        link = link.IsNamed || token is null ? link : link.At(token.Token.Server);
        if (ProxySettings.For(link.Host, link.Port, Environment.GetEnvironmentVariable) is not null)
        {
            _ = ProxySettings.For(link.Host, link.Port, variables.Find);
        }

        return Of(wish.Name, ThisProgram.Command, path) with
        {
            TokenFile = token is { IsStored: true } && wish.IsOfMachine ? TokenPlace.FilePath : null,
            Reads = [path, .. new[] { link.TokenFile, link.CaFile }.Concat(file!.Tunnels.Select(tunnel => tunnel.Access.PasswordFile)).OfType<string>()],
            Variables = variables.Used,
            Purpose = $"It serves {file.Names}, as {path} says; save that file to change them.",
        };
    }

    /// <param name="program">The words before its command.</param>
    internal static ServiceDescription Of(string name, IReadOnlyList<string> program, string settings) => new("tunnel-agent", name, [.. program, "start", "--all", "--config", settings])
    {
        HasControl = true,
        FinalExitCodes = [ExitCodes.WrongUsage, ExitCodes.TokenRefused, ExitCodes.NameRefused, ExitCodes.VersionRefused],
    };

    private sealed record FileOptions
    {
        public string? Path { get; init; }

        public static IReadOnlyList<OptionDeclaration<FileOptions>> Declarations { get; } =
        [
            Declare<FileOptions>.Path("config", "FILE", "The settings file.", o => o.Path, (o, v) => o with { Path = v }) with
            {
                IsCommon = true,
                DefaultInWords = $"{MachinePath} for root, else what 'tunnel-agent config path' prints",
            },
        ];
    }

    /// <summary>Variables that the settings ask for, from this shell, else from the file of the service's own.</summary>
    private sealed class ServiceVariables(IReadOnlyDictionary<string, string> kept)
    {
        private readonly SortedDictionary<string, string> _used = new(StringComparer.Ordinal);

        /// <summary>Those that have a value. The service needs them too.</summary>
        public IReadOnlyDictionary<string, string> Used => _used;

        public string? Find(string name)
        {
            string? value = Environment.GetEnvironmentVariable(name) is { Length: > 0 } here ? here : kept.GetValueOrDefault(name);
            if (value is not null)
            {
                _used[name] = value;
            }

            return value;
        }
    }
}
