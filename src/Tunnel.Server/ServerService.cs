using System.CommandLine;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Service;
using Tunnel.Hosting.Settings;

namespace Tunnel.Server;

/// <summary><c>tunnel-server service install</c>: a service with the options that stand behind it (docs/service.md).</summary>
internal static class ServerService
{
    public static HelpText Help { get; } = new()
    {
        Usage = ["--domain NAME [options of tunnel-server] [options]"],
        DefaultOf = declaration => (declaration as OptionDeclaration<ServerOptions>)?.TextIn(new ServerOptions()),
        Examples =
        [
            ("sudo tunnel-server service install --domain tunnel.com", "For the machine, from its start on. Once more with other options changes them."),
            ("sudo tunnel-server service install --domain tunnel.com --cert-dir /etc/tunnel-server/certs", "The same with HTTPS."),
        ],
    };

    /// <summary>Adds the server's options, and says what makes a service of them.</summary>
    public static Func<ParseResult, ServiceWish, ServiceDescription> Extend(Command install)
    {
        var server = new OptionBinder<ServerOptions>(install, ServerDeclarations.Prefix, ServerDeclarations.All);
        return (parsed, wish) =>
        {
            var faults = new OptionFaults();
            ServerOptions options = ServerFile.Bind(server, parsed, new ServerOptions(), faults);
            faults.Require(
                options.StateDir is null || !wish.IsOfMachine,
                $"--state-dir: a service of the machine has its state in /var/lib/{wish.Name}. To go on with what is there, copy it to that place.");
            faults.ThrowIfAny();
            options.Validate();

            // The service has another home than whoever installs it.
            string? file = ServerFile.Find(options.ConfigFile);
            string[] usual = file is null || options.ConfigFile is not null ? [] : [$"--{SettingFile.OptionName}", Path.GetFullPath(file)];
            return Of(wish.Name, ThisProgram.Command, [.. server.WordsOf(parsed), .. usual]) with
            {
                Reads = [.. options.Tls.Certs.Concat(options.Tls.Keys).Append(options.Tls.CertDir).Append(file).OfType<string>().Select(Path.GetFullPath)],
                Purpose = $"It serves the names below {options.Domain}.",
            };
        };
    }

    /// <param name="program">The words before its options.</param>
    internal static ServiceDescription Of(string name, IReadOnlyList<string> program, IReadOnlyList<string> options) => new("tunnel-server", name, [.. program, .. options])
    {
        TakesLowPorts = true,
        HasLogs = true,
        FinalExitCodes = [ExitCodes.WrongUsage],
    };
}
