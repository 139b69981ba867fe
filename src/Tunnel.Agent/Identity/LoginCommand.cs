using System.CommandLine;
using Tunnel.Hosting;
using Tunnel.Hosting.Errors;
using Tunnel.Hosting.Secrets;

namespace Tunnel.Agent.Identity;

/// <summary><c>tunnel-agent login [TOKEN|-]</c> and <c>logout</c>: keep the token of this user, or let go of it.</summary>
internal sealed class LoginCommand
{
    private const int MostCharacters = 4096;

    private readonly Argument<string> _token = new("TOKEN")
    {
        Description = "What 'tunnel-server token create' printed; - or nothing reads it from standard input, where nobody sees it.",
        DefaultValueFactory = _ => "-",
    };

    private readonly Command _login = new("login", "Stores the token that proves to the server who this agent is, for this user.");
    private readonly Command _logout = new("logout", "Removes the stored token.");

    public LoginCommand()
    {
        _login.Arguments.Add(_token);
        ProgramRunner.Attach(_login, parsed => GuardAsync(() => LoginAsync(parsed.GetValue(_token)!)));
        ProgramRunner.Attach(_logout, _ => GuardAsync(LogoutAsync));
    }

    public void AddTo(Command root)
    {
        root.Subcommands.Add(_login);
        root.Subcommands.Add(_logout);
    }

    private static async Task<int> GuardAsync(Func<Task> run)
    {
        try
        {
            await run();
            return ExitCodes.Stopped;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            await StandardLines.ErrorAsync(AgentErrors.TokenNotStored, error.Message);
            return ExitCodes.Failed;
        }
    }

    private static async Task LoginAsync(string given)
    {
        string text = given == "-" ? await ReadAsync() : given;
        AgentToken token = AgentToken.Parse(text, out string fault) ?? throw new ArgumentException(fault);
        TokenPlace.Store(token);
        await System.Console.Error.WriteLineAsync(
            $"Stored in {TokenPlace.FilePath}. From now on 'tunnel-agent --subdomain NAME --port N' connects to {token.Server} as {token}.");
    }

    private static async Task<string> ReadAsync()
    {
        if (!System.Console.IsInputRedirected)
        {
            return await HiddenLine.ReadAsync("Paste the token and press Enter (it is not shown):", MostCharacters);
        }

        char[] text = new char[MostCharacters];
        return new string(text, 0, await System.Console.In.ReadBlockAsync(text));
    }

    private static Task LogoutAsync() => System.Console.Error.WriteLineAsync(
        TokenPlace.Forget() ? $"{TokenPlace.FilePath} is removed." : "No token is stored.");
}
