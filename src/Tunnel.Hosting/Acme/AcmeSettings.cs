using System.Security.Cryptography.X509Certificates;

namespace Tunnel.Hosting.Acme;

/// <summary>Which CA is asked, by whom, and for what kind of certificate.</summary>
public sealed record AcmeSettings
{
    public static readonly Uri LetsEncrypt = new("https://acme-v02.api.letsencrypt.org/directory");

    /// <summary>Its certificates are trusted by nobody; its limits are wide.</summary>
    public static readonly Uri LetsEncryptStaging = new("https://acme-staging-v02.api.letsencrypt.org/directory");

    public required Uri Directory { get; init; }

    /// <summary>Names us to the CA, like <c>tunnel-server/0.1.0</c>.</summary>
    public required string Program { get; init; }

    /// <summary>Addresses like <c>mailto:me@example.org</c>, to which the CA may write.</summary>
    public IReadOnlyList<string> Contact { get; init; } = [];

    /// <summary>Null: the CA lets in whoever comes.</summary>
    public ExternalAccount? External { get; init; }

    /// <summary>The kind of certificate; null: the CA's usual one.</summary>
    public string? Profile { get; init; }

    /// <summary>Whom to trust for the CA's own HTTPS; null: whom the system trusts.</summary>
    public X509Certificate2Collection? Authorities { get; init; }
}
