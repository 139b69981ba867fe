using Tunnel.Agent.Local;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Secrets;
using Tunnel.Hosting.Settings;

namespace Tunnel.Agent.Tunnels;

/// <summary>What an agent's settings file says: settings of the agent itself, and tunnels by name (docs/operating.md, "The file").</summary>
/// <param name="Settings">The root of the file: what is not about tunnels are options of the agent.</param>
internal sealed record AgentFile(string Path, SettingMap Settings, IReadOnlyList<TunnelOptions> Tunnels)
{
    /// <summary>The key of the tunnels.</summary>
    public const string TunnelsKey = "tunnels";

    private const string PathsKey = "paths";
    private const int MostName = 32;

    /// <summary>Where the file is unless another is named.</summary>
    public static string UsualPath => System.IO.Path.Combine(ProgramFolders.Config("tunnel-agent"), "tunnel.yaml");

    /// <summary>Reads it with everything that it names: password files, variables.</summary>
    /// <param name="environment">The value of a variable; null: as this process has it.</param>
    /// <returns>What could be read; null: it is no file at all. With faults it must not be used.</returns>
    public static AgentFile? Read(string path, OptionFaults faults, Func<string, string?>? environment = null) =>
        SettingFile.Read(path, environment ?? Environment.GetEnvironmentVariable, faults) is { } settings ? new AgentFile(path, settings, ReadTunnels(settings, faults)) : null;

    /// <summary>What the file says of the agent itself, by the name of the option.</summary>
    public IReadOnlyDictionary<string, GivenValue> AgentValues(OptionFaults faults) =>
        SettingSection.ValuesByName(Settings, AgentOptions.Declarations, faults, TunnelsKey);

    /// <summary>The agent's options as the file alone has them, and its mistakes about them.</summary>
    public AgentOptions ReadAgent(OptionFaults faults)
    {
        IReadOnlyDictionary<string, GivenValue> values = AgentValues(faults);
        AgentOptions agent = AgentOptions.Declarations.Where(declaration => values.ContainsKey(declaration.Name))
            .Aggregate(new AgentOptions(), (agent, declaration) => declaration.Apply(agent, values[declaration.Name], faults));
        agent.Link.Check(faults);
        return agent;
    }

    /// <summary>The tunnels of these names, in the order of the file.</summary>
    /// <param name="names">Empty: all.</param>
    public IReadOnlyList<TunnelOptions> Select(IReadOnlyCollection<string> names, OptionFaults faults)
    {
        foreach (string name in names.Where(name => !Tunnels.Any(tunnel => tunnel.Name == name)))
        {
            faults.Add($"{Path} has no tunnel '{Printable.Of(name)}'.{NearestWord.Hint(name, Tunnels.Select(tunnel => tunnel.Name))} It has: {Names}.");
        }

        return names.Count == 0 ? Tunnels : [.. Tunnels.Where(tunnel => names.Contains(tunnel.Name))];
    }

    /// <summary>The names of all tunnels, for a person.</summary>
    public string Names => Tunnels.Count == 0 ? "none" : string.Join(", ", Tunnels.Select(tunnel => tunnel.Name));

    private static TunnelOptions[] ReadTunnels(SettingMap settings, OptionFaults faults)
    {
        SettingEntry? entry = settings.Find(TunnelsKey);
        if (entry is null or { Value: SettingText { Text: "" } })
        {
            faults.Add($"{entry?.Place ?? settings.Place}: there is no tunnel in this file; it takes 'tunnels:' with a name and a port for each, like 'web: {{ port: 8080 }}'.");
            return [];
        }

        if (entry.Value is not SettingMap tunnels)
        {
            faults.Add($"{entry.Place}: tunnels takes a name for each tunnel, like 'web: {{ port: 8080 }}', and here is {entry.Value.Kind}.");
            return [];
        }

        if (tunnels.Entries.Count > ProtocolLimits.Tunnels)
        {
            faults.Add($"{entry.Place}: tunnels has {tunnels.Entries.Count} names; one agent serves at most {ProtocolLimits.Tunnels}.");
        }

        return [.. tunnels.Entries.Select(tunnel => ReadTunnel(tunnel, faults))];
    }

    private static TunnelOptions ReadTunnel(SettingEntry entry, OptionFaults faults)
    {
        if (entry.Key.Length > MostName || entry.Key.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
        {
            faults.Add($"{entry.Place}: '{Printable.Of(entry.Key)}' is no name for a tunnel; it takes up to {MostName} letters, digits, dots, hyphens and underscores.");
        }

        var own = new OptionFaults();
        SettingMap section = AsSection(entry, own);
        TunnelOptions tunnel = SettingSection.Apply(section, TunnelOptions.Declarations, new TunnelOptions { Name = entry.Key }, own, PathsKey);
        tunnel = tunnel with { Paths = section.Find(PathsKey) is { } paths ? ReadPaths(paths, own) : [] };
        bool isReadable = own.IsEmpty;
        faults.AddAll(own);
        if (!isReadable)
        {
            // What follows from a mistake is no second one.
            return tunnel;
        }

        var whole = new OptionFaults();
        tunnel = tunnel.Resolve(whole);
        if (whole.IsEmpty)
        {
            tunnel.Check(whole);
        }

        faults.AddFrom(whole, $"{entry.Place}: tunnel {Printable.Of(entry.Key)}");
        return tunnel;
    }

    // web: 8080 is web: { origin: 8080 }.
    private static SettingMap AsSection(SettingEntry entry, OptionFaults faults)
    {
        switch (entry.Value)
        {
            case SettingMap map:
                return map;
            case SettingText { Text.Length: > 0 } text:
                return new SettingMap(entry.Value.Place, "", [new SettingEntry("origin", entry.Place, text)]);
            default:
                faults.Add($"{entry.Place}: tunnel {Printable.Of(entry.Key)} takes a port or options like '{{ port: 8080, subdomain: demo }}', and here is {entry.Value.Kind}.");
                return new SettingMap(entry.Value.Place, "", []);
        }
    }

    private static PathRule[] ReadPaths(SettingEntry entry, OptionFaults faults)
    {
        if (entry.Value is not SettingMap paths)
        {
            faults.Add($"{entry.Place}: paths takes a local server for each path, like '/api: 3000', and here is {entry.Value.Kind}.");
            return [];
        }

        var rules = new List<PathRule>();
        foreach (SettingEntry path in paths.Entries)
        {
            if (PathRule.FindFault(path.Key) is { } fault)
            {
                faults.Add($"{path.Place}: '{Printable.Of(path.Key)}' {fault}.");
            }

            SettingMap section = AsSection(path, faults);
            rules.Add(new PathRule(path.Key, SettingSection.Apply(section, OriginOptions.Declarations, new OriginOptions(), faults)));
        }

        return [.. rules];
    }
}
