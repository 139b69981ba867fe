using Tunnel.Agent.Identity;
using Tunnel.Framing.Frames;
using Tunnel.Hosting;
using Tunnel.Hosting.Options;

namespace Tunnel.Agent.Tunnels;

/// <summary>Which visitors a tunnel is for, as a person says it.</summary>
public sealed record AccessOptions
{
    /// <summary>Addresses and networks; empty: all.</summary>
    public IReadOnlyList<string> Allow { get; init; } = [];

    /// <summary>The same, kept out whatever <see cref="Allow"/> says.</summary>
    public IReadOnlyList<string> Deny { get; init; } = [];

    /// <summary>File of names and bcrypt hashes; null: none.</summary>
    public string? PasswordFile { get; init; }

    /// <summary><c>NAME:PASSWORD</c>, or <c>NAME:HASH</c> with one of bcrypt.</summary>
    public IReadOnlyList<string> Passwords { get; init; } = [];

    /// <summary>The origin sees what visitors answered.</summary>
    public bool ForwardsAnswer { get; init; }

    internal static IReadOnlyList<OptionDeclaration<AccessOptions>> Declarations { get; } =
    [
        Declare<AccessOptions>.Texts("allow", "CIDR", "Let only visitors from this address or network through; the server turns the others away.", o => o.Allow, (o, v) => o with { Allow = v }),
        Declare<AccessOptions>.Texts("deny", "CIDR", "Turn visitors from this address or network away, whatever --allow says.", o => o.Deny, (o, v) => o with { Deny = v }),
        Declare<AccessOptions>.Path(
            "basic-auth-file",
            "FILE",
            "Ask visitors for a name and a password of this file, made with 'htpasswd -B'. Only the hashes leave this machine.",
            o => o.PasswordFile,
            (o, v) => o with { PasswordFile = v }) with
        {
            IsCommon = true,
        },
        Declare<AccessOptions>.Texts(
            "basic-auth",
            "NAME:PASSWORD",
            "The same without a file, for a configuration: the password is hashed here. On a command line other users can see it.",
            o => o.Passwords,
            (o, v) => o with { Passwords = v }) with
        {
            IsSecret = true,
        },
        Declare<AccessOptions>.Switch("forward-auth", "Let your local server see what visitors answered to --basic-auth-file.", o => o.ForwardsAnswer, (o, v) => o with { ForwardsAnswer = v }),
    ];

    /// <summary>What the server is told; null: everybody may pass.</summary>
    internal TunnelGuard? Read(OptionFaults faults)
    {
        CheckNetworks(Allow, "--allow", faults);
        CheckNetworks(Deny, "--deny", faults);
        bool asksForPasswords = PasswordFile is not null || Passwords.Count > 0;
        string[] users = [.. ReadFile(faults), .. Passwords.Select(given => PasswordHash.Of(given, faults)).OfType<string>()];
        faults.Require(users.Length <= TunnelGuard.MostUsers, $"--basic-auth and --basic-auth-file take at most {TunnelGuard.MostUsers} users.");
        return Allow.Count + Deny.Count > 0 || asksForPasswords
            ? new TunnelGuard { Allow = [.. Allow], Deny = [.. Deny], Users = asksForPasswords ? users : null, ForwardAuth = ForwardsAnswer ? true : null }
            : null;
    }

    private IReadOnlyList<string> ReadFile(OptionFaults faults)
    {
        try
        {
            return PasswordFile is { } path ? Identity.PasswordFile.Read(path) : [];
        }
        catch (ArgumentException error)
        {
            faults.Add(error.Message);
            return [];
        }
    }

    private static void CheckNetworks(IReadOnlyList<string> values, string option, OptionFaults faults)
    {
        if (values.FirstOrDefault(value => !TunnelGuard.IsNetwork(value)) is { } bad)
        {
            faults.Add($"{option}: '{Printable.Of(bad)}' is not an address or a network like 10.0.0.0/8.");
        }

        faults.Require(values.Count <= TunnelGuard.MostNetworks, $"{option} takes at most {TunnelGuard.MostNetworks} networks.");
    }
}
