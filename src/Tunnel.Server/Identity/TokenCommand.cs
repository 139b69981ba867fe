using System.CommandLine;
using System.Globalization;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Options;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Server.Identity;

/// <summary>
/// <c>tunnel-server token create | list | revoke</c>. Works beside the running server and without one; what is changed
/// reaches the server within two seconds. A token goes to standard output alone, what there is to say about it to
/// standard error, so that it can be piped to where it is needed.
/// </summary>
internal sealed class TokenCommand
{
    private readonly TimeProvider _time;
    private readonly Argument<string> _name = new("NAME") { Description = "What you call the agent: letters, digits, dots, hyphens, underscores." };
    private readonly Argument<string> _which = new("NAME") { Description = "Name or id of the token, as 'token list' shows it." };
    private readonly Command _create = new("create", "Makes a token and prints it, this once.");
    private readonly Command _list = new("list", "Lists the tokens: what they may use, and whether they hold.");
    private readonly Command _revoke = new("revoke", "Ends a token; its agent is out within seconds.");
    private readonly OptionBinder<TokenWish> _wish;
    private readonly OptionBinder<TokenEnd> _end;
    private readonly Dictionary<Command, OptionBinder<TokenPlace>> _places;

    private readonly Func<string?, OptionFaults, IReadOnlyDictionary<string, GivenValue>?> _settings;

    /// <param name="settings">What the settings file says that holds where this one is named; null: there is none.</param>
    public TokenCommand(TimeProvider time, Func<string?, OptionFaults, IReadOnlyDictionary<string, GivenValue>?> settings)
    {
        _time = time;
        _settings = settings;
        _create.Arguments.Add(_name);
        _revoke.Arguments.Add(_which);
        _wish = new OptionBinder<TokenWish>(_create, "TUNNEL_TOKEN_", TokenWish.Declarations);
        _end = new OptionBinder<TokenEnd>(_revoke, "TUNNEL_TOKEN_", TokenEnd.Declarations);
        _places = new[] { _create, _list, _revoke }.ToDictionary(command => command, command => new OptionBinder<TokenPlace>(command, "TUNNEL_SERVER_", TokenPlace.Declarations));
        ProgramRunner.Attach(_create, parsed => RunAsync(parsed, CreateAsync));
        ProgramRunner.Attach(_list, parsed => RunAsync(parsed, ListAsync));
        ProgramRunner.Attach(_revoke, parsed => RunAsync(parsed, RevokeAsync));
    }

    /// <summary>Adds <c>token</c> and what is below it.</summary>
    public void AddTo(Command root)
    {
        var token = new Command("token", "Makes, lists and revokes the tokens by which agents prove who they are.");
        token.Subcommands.Add(_create);
        token.Subcommands.Add(_list);
        token.Subcommands.Add(_revoke);
        root.Subcommands.Add(token);
    }

    private async Task<int> RunAsync(ParseResult parsed, Func<ParseResult, string, Task> run)
    {
        try
        {
            var faults = new OptionFaults();
            OptionBinder<TokenPlace> binder = _places[parsed.CommandResult.Command];
            string? file = binder.Bind(parsed, new TokenPlace(), new OptionFaults()).ConfigFile;
            TokenPlace place = binder.Bind(parsed, new TokenPlace(), faults, _settings(file, faults));
            faults.ThrowIfAny();
            string folder = StateDirectory.Resolve(place.StateDir);
            if (parsed.CommandResult.Command == _create)
            {
                OwnerOnlyFile.CreateFolder(folder);
            }
            else if (ServerState.IsUntouched(folder))
            {
                throw new IOException($"{Printable.Of(folder)} is no server's folder: no server has run with it, and no token was made there.");
            }

            await run(parsed, folder);
            return ExitCodes.Stopped;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            await StandardLines.ErrorAsync(ServerErrors.StateUnusable, $"{error.Message} --state-dir chooses another folder; it must be the running server's.");
            return ExitCodes.Failed;
        }
    }

    private async Task CreateAsync(ParseResult parsed, string folder)
    {
        string name = parsed.GetValue(_name)!;
        if (!TokenFile.IsName(name))
        {
            throw new ArgumentException($"'{Printable.Of(name)}' is not a name for a token; it takes up to 64 letters, digits, dots, hyphens and underscores.");
        }

        var faults = new OptionFaults();
        TokenWish wish = _wish.Bind(parsed, new TokenWish(), faults);
        faults.ThrowIfAny();
        var wanted = new TokenRecord
        {
            Id = "",
            Name = name,
            Hash = "",
            Created = default,
            Expires = ExpiryTime.Parse(wish.Expires, _time.GetUtcNow()),
            Subdomains = Checked(wish.Subdomains, "--subdomain", NamePattern.FindSubdomainFault),
            Hostnames = Checked(wish.Hostnames, "--hostname", NamePattern.FindHostnameFault),
            TcpPorts = Checked(wish.TcpPorts, "--tcp-port", range =>
                PortRange.TryParse(range, out _) ? null : $"'{Printable.Of(range)}' is not a port or a range like 20000-20999."),
        };
        ServerNote? note = ServerNote.Read(folder);
        string server = ServerOf(wish.Server, note);
        string domain = note?.Domain ?? "";
        RequireRoom(wanted, domain);
        TokenStore store = await TokenStore.OpenOrBeginAsync(folder, domain, _time);
        using ServerKey? key = wish.HasNoPin ? null : await ServerKey.OpenAsync(folder, _time);
        var issuer = new TokenIssuer(store, _time);
        (AgentToken token, TokenRecord record) = await issuer.CreateAsync(wanted, key?.Pin, server);
        await Console.Error.WriteLineAsync($"{record} for {server} may use {NameRights.Describe(record)}; expires: {Day(record.Expires)}. It is shown this once.");
        await Console.Out.WriteLineAsync(token.Reveal());
        await Console.Error.WriteLineAsync($"Beside the web server: 'tunnel-agent login', paste the line above, then '{FirstCommand.For(store.Current, record, _time.GetUtcNow())}'.");
    }

    private async Task ListAsync(ParseResult parsed, string folder)
    {
        TokenStore store = TokenStore.Open(folder, "", _time);
        if (store.Current.Count == 0)
        {
            await Console.Error.WriteLineAsync($"There are no tokens in {folder}; 'tunnel-server token create NAME' makes one.");
            return;
        }

        await Console.Out.WriteLineAsync($"{"NAME",-24} {"ID",-16} {"CREATED",-10} {"STATE",-19} MAY USE");
        foreach (TokenRecord token in store.Current.All)
        {
            string state = token switch
            {
                { Revoked: not null } => $"revoked {Day(token.Revoked)}",
                _ when !token.IsLive(_time.GetUtcNow()) => $"expired {Day(token.Expires)}",
                { Expires: not null } => $"until {Day(token.Expires)}",
                _ => "holds",
            };
            await Console.Out.WriteLineAsync($"{token.Name,-24} {token.Id,-16} {Day(token.Created),-10} {state,-19} {NameRights.Describe(token)}");
        }
    }

    private async Task RevokeAsync(ParseResult parsed, string folder)
    {
        var faults = new OptionFaults();
        bool forget = _end.Bind(parsed, new TokenEnd(), faults).Forgets;
        faults.ThrowIfAny();
        TokenRecord token = await new TokenIssuer(TokenStore.Open(folder, "", _time), _time).RevokeAsync(parsed.GetValue(_which)!, forget);
        await Console.Error.WriteLineAsync(forget
            ? $"{token} is revoked and forgotten; its names are free for anybody."
            : $"{token} is revoked. Its names wait for a token made with them, or for the next token named {token.Name}.");
    }

    private static void RequireRoom(TokenRecord wanted, string domain)
    {
        if (wanted.Subdomains.FirstOrDefault(pattern => pattern.Length + 1 + domain.Length > PublicNames.MostBytes) is { } pattern)
        {
            throw new ArgumentException($"--subdomain: '{pattern}.{domain}' is longer than the {PublicNames.MostBytes} characters a name can have.");
        }
    }

    private static string ServerOf(string? given, ServerNote? note)
    {
        string server = given
            ?? (note is null
                ? throw new ArgumentException("--server is missing: no server has run with this folder yet, so say where agents will reach it, like --server tunnel.example.com:443 if it has HTTPS, and :9090 if not.")
                : string.Create(CultureInfo.InvariantCulture, $"{note.Domain}:{note.Port}"));
        return HostAndPort.TryParse(server, ServerOptions.DefaultAgentPort, out string host, out int port)
            ? HostAndPort.Write(host, port)
            : throw new ArgumentException($"--server: '{Printable.Of(server)}' is not HOST or HOST:PORT.");
    }

    private static string[] Checked(IReadOnlyList<string> values, string option, Func<string, string?> findFault)
    {
        string[] lower = [.. values.Select(value => value.ToLowerInvariant()).Distinct()];
        return lower.Select(findFault).FirstOrDefault(fault => fault is not null) is { } bad
            ? throw new ArgumentException($"{option}: {bad}")
            : lower;
    }

    private static string Day(DateTimeOffset? time) => time?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "never";
}
