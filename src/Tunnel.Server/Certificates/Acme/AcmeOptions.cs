using System.Net.Mail;
using Tunnel.Hosting.Acme;
using Tunnel.Hosting.Files;
using Tunnel.Hosting.Options;

namespace Tunnel.Server.Certificates.Acme;

/// <summary>Certificates that the server gets by itself (docs/certificates.md).</summary>
public sealed record AcmeOptions
{
    private const string Group = "HTTPS by itself";

    /// <summary>Null: no certificates are asked for. Empty: they are, and the CA hears of no address.</summary>
    public string? Email { get; init; }

    /// <summary>The directory of the CA; null: Let's Encrypt.</summary>
    public string? Directory { get; init; }

    /// <summary>Let's Encrypt's CA for trying out.</summary>
    public bool IsStaging { get; init; }

    /// <summary>A file with the authorities to trust for the directory; null: the system's.</summary>
    public string? Root { get; init; }

    /// <summary><c>KEYID:KEY</c> of an account that is there already; null: none.</summary>
    public string? External { get; init; }

    /// <summary>The kind of certificate; null: the CA's usual one.</summary>
    public string? Profile { get; init; }

    /// <summary>How names are proved; null: as the ports allow.</summary>
    public string? Challenge { get; init; }

    public bool IsOn => Email is not null;

    internal static IReadOnlyList<OptionDeclaration<AcmeOptions>> Declarations { get; } =
    [
        Declare<AcmeOptions>.Optional("acme", "[EMAIL]", "Get certificates by itself. Consents to the terms of the CA.", ReadEmail, static email => email, o => o.Email, (o, v) => o with { Email = v }) with
        {
            Group = Group,
            IsCommon = true,
            DefaultInWords = "off",
            Details = "The CA may write to EMAIL. See [certificates.md](certificates.md).",
        },
        Declare<AcmeOptions>.Text("acme-directory", "URL", "The directory of the CA.", o => o.Directory, (o, v) => o with { Directory = v }) with { Group = Group, DefaultInWords = "Let's Encrypt" },
        Declare<AcmeOptions>.Switch("acme-staging", "Use Let's Encrypt's CA for trying out, whose certificates nobody trusts.", o => o.IsStaging, (o, v) => o with { IsStaging = v }) with { Group = Group },
        Declare<AcmeOptions>.Path("acme-root", "FILE", "Authorities in PEM form to trust for the directory, instead of the system's.", o => o.Root, (o, v) => o with { Root = v }) with { Group = Group },
        Declare<AcmeOptions>.Text("acme-eab", "KEYID:KEY", "The account that the CA has given you (external account binding).", o => o.External, (o, v) => o with { External = v }) with
        {
            Group = Group,
            IsSecret = true,
            Details = "The key in base64url. Better in the variable: other users of the machine can see command lines.",
        },
        Declare<AcmeOptions>.Text("acme-profile", "NAME", "The kind of certificate, by the CA's name for it.", o => o.Profile, (o, v) => o with { Profile = v }) with
        {
            Group = Group,
            DefaultInWords = "the CA's usual one",
        },
        Declare<AcmeOptions>.Choice("acme-challenge", "How names are proved: on port 80 (http) or on port 443 (tls).", [("auto", null), ("http", "http-01"), ("tls", "tls-alpn-01")], o => o.Challenge, (o, v) => o with { Challenge = v }) with
        {
            Group = Group,
            Details = "auto: by http, unless only the HTTPS port is the usual one.",
        },
    ];

    /// <summary>What is wrong with them together.</summary>
    /// <param name="domain">The server's.</param>
    internal void Check(OptionFaults faults, TlsOptions tls, string domain)
    {
        bool hasMore = Directory is not null || IsStaging || Root is not null || External is not null || Profile is not null || Challenge is not null;
        faults.Require(IsOn || !hasMore, "The --acme- options need --acme, which switches it on and consents to the terms of the CA.");
        faults.Require(
            !IsOn || (domain.Contains('.', StringComparison.Ordinal) && !System.Net.IPAddress.TryParse(domain, out _)),
            $"--acme needs --domain: a name of your own in public DNS, and '{Hosting.Printable.Of(domain)}' is none.");
        faults.Require(!IsOn || !tls.SelfSigned, "--acme and --tls self-signed exclude each other: leave one out.");
        faults.Require(!IsStaging || Directory is null, "--acme-staging and --acme-directory exclude each other: leave one out.");
        faults.Require(
            Directory is null || UrlRule.IsDirectory(Directory),
            "--acme-directory takes an https address, or an http one on this machine.");
        faults.Require(External is null || ExternalAccount.Read(External) is not null, "--acme-eab takes KEYID:KEY, the key in base64url as the CA gave it.");
    }

    /// <exception cref="ArgumentException">The file of the authorities cannot be used.</exception>
    internal AcmeSettings ToSettings() => new()
    {
        Directory = Directory is { } url ? new Uri(url) : IsStaging ? AcmeSettings.LetsEncryptStaging : AcmeSettings.LetsEncrypt,
        Program = Product.Software,
        Contact = Email is { Length: > 0 } email ? [$"mailto:{email}"] : [],
        External = External is { } external ? ExternalAccount.Read(external) : null,
        Profile = Profile,
        Authorities = Root is { } file ? Authorities.In(file, "--acme-root") : null,
    };

    private static (string? Value, string? Fault) ReadEmail(string text) => text switch
    {
        "true" => ("", null),
        "false" => (null, null),
        _ when MailAddress.TryCreate(text, out MailAddress? address) && address.Address == text && text.All(static c => c is > ' ' and < (char)0x7F and not ('?' or ',')) => (text, null),
        _ => (null, $"'{Hosting.Printable.Of(text)}' is not an e-mail address."),
    };
}
