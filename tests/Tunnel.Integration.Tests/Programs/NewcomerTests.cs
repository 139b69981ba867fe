using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Tunnel.Hosting.Secrets;
using Tunnel.Integration.Tests.Identity;
using Tunnel.Integration.Tests.Pair;
using Tunnel.TestSupport;

namespace Tunnel.Integration.Tests.Programs;

/// <summary>
/// The table of docs/troubleshooting.md, "The mistakes of the first day": each is made with the agent as a program, and what it says is
/// what stands there. TUNNEL_WRITE_DOCS=1 writes the table.
/// </summary>
public sealed partial class NewcomerTests : IAsyncLifetime
{
    private const string Begin = "<!-- the mistakes of the first day -->\n";
    private const string End = "<!-- their end -->\n";

    /// <summary>What the origin does, where somebody asks for it.</summary>
    private enum Origin
    {
        NotAsked,
        Dead,
        SpeaksTls,
    }

    /// <param name="Typed">The command as it stands on the page; what differs from run to run is put into it.</param>
    /// <param name="File">tunnel.yaml.</param>
    private sealed record Mistake(string What, string Typed, Origin Origin = Origin.NotAsked, string? Token = null, bool NeedsToken = false, string? Proxy = null, string? File = null);

    private static readonly Mistake[] s_mistakes =
    [
        new("another port than the server's", "tunnel-agent 8080 -s demo --server tunnel.com:9999"),
        new("the visitors' port", "tunnel-agent 8080 -s demo --server tunnel.com:80"),
        new("a server that has no address", "tunnel-agent 8080 -s demo --server nowhere.invalid:9090"),
        new("a proxy that does not answer", "HTTPS_PROXY=http://localhost:3128 tunnel-agent 8080 -s demo --server far.example:9090", Proxy: "http://localhost:3128"),
        new("no token", "tunnel-agent 8080 -s demo --server tunnel.com:9090", NeedsToken: true),
        new("a token that has expired", "tunnel-agent 8080 -s demo --server tunnel.com:9090 --token-file token", Token: "expired"),
        new("a token of another server", "tunnel-agent 8080 -s demo --server tunnel.com:9090 --token-file token", Token: "elsewhere"),
        new("a name that somebody else has", "tunnel-agent 8080 -s taken --server tunnel.com:9090 --token-file token", Token: "right"),
        new("a reserved name", "tunnel-agent 8080 -s www --server tunnel.com:9090"),
        new("nothing listens on the local port", "tunnel-agent 8081 -s demo --server tunnel.com:9090", Origin.Dead),
        new("the local server speaks HTTPS", "tunnel-agent 8443 -s demo --server tunnel.com:9090", Origin.SpeaksTls),
        new("an option misspelled", "tunnel-agent 8080 --subdomian demo"),
        new("a clock that is wrong", "tunnel-agent diagnose -p 8080 -s demo --server tunnel.com:9090"),
        new("no settings file", "tunnel-agent start --all --config nowhere.yaml"),
        new("a tunnel that is not in the file", "tunnel-agent start wbe --config tunnel.yaml", File: "tunnels: { web: 8080 }"),
        new("a key misspelled", "", File: "tunnels: { web: { prot: 8080 } }"),
        new("no number", "", File: "tunnels: { web: { port: eighty } }"),
        new("no port", "", File: "tunnels: { web: { subdomain: demo } }"),
        new("port and origin", "", File: "tunnels: { web: { port: 8080, origin: localhost:3000 } }"),
        new("an unknown protocol", "", File: "tunnels: { db: { port: 5432, protocol: tpc } }"),
        new("a list where one value belongs", "", File: "tunnels: { web: { port: [8080] } }"),
        new("a key twice", "", File: "tunnels: { web: 8080, web: 3000 }"),
        new("a variable that is not set", "", File: "tunnels: { web: { port: 8080, basic-auth: ['anna:${NOT_SET}'] } }"),
        new("a bracket left open", "", File: "tunnels: { web: { port: 8080 }"),
        new("a tab before a key", "", File: "tunnels:\n\tweb: 8080"),
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly List<(string Shown, string Real)> _words = [];

    public static TheoryData<string> Mistakes() => [.. s_mistakes.Select(mistake => mistake.What)];

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync()
    {
        _folder.Dispose();
        return Task.CompletedTask;
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task Mistake_OfTheFirstDay_IsShownAsThePageSays(string what)
    {
        Mistake mistake = s_mistakes.Single(one => one.What == what);
        string row = $"| {what} | {Cell(mistake)} | {await SaidAsync(mistake)} |\n";
        row.Should().MatchRegex(@"\[[a-z-]+\] \|\n$", "every message has its code");
        if (Environment.GetEnvironmentVariable("TUNNEL_WRITE_DOCS") == "1")
        {
            await System.IO.File.AppendAllTextAsync(Path.Combine(Path.GetTempPath(), "newcomer.rows"), row);
            return;
        }

        (await System.IO.File.ReadAllTextAsync(Page)).Should().Contain(row);
    }

    [Fact]
    public async Task Page_HasEveryMistakeAndNoOther()
    {
        string page = await System.IO.File.ReadAllTextAsync(Page);
        string table = page[(page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length)..page.IndexOf(End, StringComparison.Ordinal)];
        table.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(2).Select(row => row.Split('|')[1].Trim()).Should().Equal(s_mistakes.Select(mistake => mistake.What));
    }

    private static string Page => Path.Combine(Path.GetDirectoryName(Here())!, "../../../docs/troubleshooting.md");

    private static string Cell(Mistake mistake) =>
        mistake.File is not { } file ? $"`{mistake.Typed}`" : $"`{file.Replace("\n", "⏎", StringComparison.Ordinal).Replace("\t", "⇥", StringComparison.Ordinal)}`{(mistake.Typed.Length > 0 ? $", `{mistake.Typed}`" : "")}";

    private async Task<string> SaidAsync(Mistake mistake)
    {
        using TokenFolder tokens = await TokenFolder.OpenAsync();
        if (mistake.Token is { } token)
        {
            await System.IO.File.WriteAllTextAsync(_folder.File("token"), (await TokenAsync(tokens, token)).Reveal());
            if (!OperatingSystem.IsWindows())
            {
                System.IO.File.SetUnixFileMode(_folder.File("token"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }

        bool isClockWrong = mistake.Typed.StartsWith("tunnel-agent diagnose", StringComparison.Ordinal);
        await using TunnelPair pair = await TunnelPair.StartAsync(Talk.Origin(Talk.Ok("hello")), new PairOptions
        {
            State = tokens.State,
            IsTimeFake = isClockWrong,
            Agent = options => options.Tunnel(tunnel => tunnel with { Subdomain = "taken" }),
            HasAgent = mistake.Token == "right",
            Server = options => options with { Agents = options.Agents with { RequireToken = mistake.NeedsToken } },
        });
        if (isClockWrong)
        {
            pair.Time.Advance(TimeSpan.FromHours(2));
        }

        // A TLS alert: what a server that speaks TLS says to a plain request.
        await using var secure = new ScriptedOrigin(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.WriteAsync("\u0015\u0003\u0003\0\u0002\u0002F");
        });
        _words.AddRange(
        [
            ("tunnel.com:9090", $"127.0.0.1:{pair.Server.AgentPort}"), ("tunnel.com:80", $"127.0.0.1:{pair.Server.HttpPort}"), ("tunnel.com:9999", $"127.0.0.1:{FreePort.Find()}"),
            ("localhost:3128", $"localhost:{FreePort.Find()}"), ("8081", $"{FreePort.Find()}"), ("8443", $"{secure.Port}"), ("8080", $"{pair.Origin.Port}"), ("tunnel.yaml", _folder.File("tunnel.yaml")),
        ]);
        if (mistake.File is { } file)
        {
            await System.IO.File.WriteAllTextAsync(_folder.File("tunnel.yaml"), file);
        }

        return await RunAsync(mistake, pair);
    }

    private static async Task<AgentToken> TokenAsync(TokenFolder tokens, string kind)
    {
        using TokenFolder other = await TokenFolder.OpenAsync();
        return kind switch
        {
            "elsewhere" => await other.MakeAsync("laptop"),
            "expired" => await tokens.MakeExpiredAsync("laptop"),
            _ => await tokens.MakeAsync("laptop"),
        };
    }

    private async Task<string> RunAsync(Mistake mistake, TunnelPair pair)
    {
        string typed = mistake.Typed.Length > 0 ? mistake.Typed : "tunnel-agent config check --config tunnel.yaml";
        string[] words = [.. typed.Split(' ').SkipWhile(word => word != "tunnel-agent").Skip(1).Select(Real)];
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Path.Combine(AppContext.BaseDirectory, "tunnel-agent.dll"), .. words])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _folder.Path,
        };
        foreach (string folder in (string[])["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"])
        {
            start.Environment[folder] = _folder.Path;
        }

        if (mistake.Proxy is { } proxy)
        {
            start.Environment["HTTPS_PROXY"] = Real(proxy);
        }

        using Process process = Process.Start(start)!;
        Task<string> said = FirstCodeAsync(process);
        try
        {
            if (mistake.Origin != Origin.NotAsked)
            {
                (await process.StandardOutput.ReadLineAsync().Within()).Should().StartWith("Forwarding ");
                await pair.GetAsync();
            }

            return Shown(await said.Within(TimeSpan.FromSeconds(60)));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync().Within();
        }
    }

    // Diagnose says all on standard output, a running agent what is wrong on standard error.
    private static async Task<string> FirstCodeAsync(Process process)
    {
        StreamReader reader = process.StartInfo.ArgumentList[1] == "diagnose" ? process.StandardOutput : process.StandardError;
        string said = "";
        while (await reader.ReadLineAsync() is { } line)
        {
            said = line.StartsWith(' ') ? $"{said} {line.Trim()}" : line;
            if (Code().IsMatch(said))
            {
                return said;
            }
        }

        return said;
    }

    private string Real(string text) => _words.Aggregate(text, (now, word) => now.Replace(word.Shown, word.Real, StringComparison.Ordinal));

    private string Shown(string text)
    {
        text = _words.Aggregate(text, (now, word) => now.Replace(word.Real, word.Shown, StringComparison.Ordinal)).Replace(_folder.Path + "/", "", StringComparison.Ordinal);
        return Varying().Replace(Prefix().Replace(text, ""), "…").Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static string Here([CallerFilePath] string path = "") => path;

    [GeneratedRegex(@"\[[a-z-]+\]$")]
    private static partial Regex Code();

    // Of a line of the log, or of a step.
    [GeneratedRegex(@"^(\d\d:\d\d:\d\d )?(\w+: tunnel-agent\[\d+\]|warning +\w+ +(\d+ ms)?) ")]
    private static partial Regex Prefix();

    // Waits, moments and identifiers.
    [GeneratedRegex(@"\d+\.\d(?= s\b)|\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z?( UTC)?|(?<=127\.0\.0\.1:)\d{5}|\d+(?= s behind)|[0-9a-f]{16}")]
    private static partial Regex Varying();
}
