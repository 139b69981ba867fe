using System.Runtime.InteropServices;

namespace Tunnel.Server.Certificates;

/// <summary>Which certificate goes with which name: exact, then wildcard, then the default. Immutable.</summary>
internal sealed class CertificateTable
{
    // Those that are valid longer come first.
    private readonly Dictionary<string, List<ServedCertificate>> _byName = new(StringComparer.Ordinal);
    private readonly ServedCertificate? _default;
    private readonly TimeProvider _time;

    /// <param name="certificates">
    /// Of several for the same name one on an elliptic curve is taken, whose signature costs a tenth of one by RSA, for whoever
    /// can check it; and then the one that is valid longer.
    /// </param>
    /// <param name="fallback">For every other name, and for visitors that name none; null: there is none.</param>
    public CertificateTable(IEnumerable<ServedCertificate> certificates, ServedCertificate? fallback, TimeProvider time)
    {
        _default = fallback;
        _time = time;
        foreach (ServedCertificate certificate in certificates.OrderByDescending(static certificate => certificate.NotAfter))
        {
            foreach (string name in certificate.Names)
            {
                (CollectionsMarshal.GetValueRefOrAddDefault(_byName, name, out _) ??= []).Add(certificate);
            }
        }
    }

    /// <summary>There is not even one.</summary>
    public bool IsEmpty => _byName.Count == 0 && _default is null;

    /// <summary>The certificate for a name, or null when the visitor is to be turned away.</summary>
    /// <param name="name">Lower case, without a final dot; null: the visitor named none.</param>
    /// <param name="takesEcdsa">The visitor can check a signature by a key on an elliptic curve.</param>
    public ServedCertificate? Find(string? name, bool takesEcdsa = true) =>
        (name is null ? null : FindFor(name, takesEcdsa)) ?? _default;

    /// <summary>The certificate that clients take for this name; null: there is none.</summary>
    /// <inheritdoc cref="Find"/>
    public ServedCertificate? FindFor(string name, bool takesEcdsa) => FindNamed(name) is { } several ? Choose(several, takesEcdsa) : null;

    /// <summary>There is a certificate that clients take for this name; they refuse the default one for it.</summary>
    /// <param name="name">As above; may begin with <c>*.</c>.</param>
    public bool Covers(string name) => FindNamed(name) is not null;

    private ServedCertificate Choose(List<ServedCertificate> several, bool takesEcdsa)
    {
        DateTimeOffset now = _time.GetUtcNow();
        return several.Find(certificate => certificate.IsOnCurve && takesEcdsa && certificate.NotAfter > now)
            ?? several.Find(static certificate => !certificate.IsOnCurve)
            ?? several[0];
    }

    private List<ServedCertificate>? FindNamed(string name)
    {
        if (_byName.TryGetValue(name, out List<ServedCertificate>? exact))
        {
            return exact;
        }

        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 ? _byName.GetValueOrDefault(string.Concat("*", name.AsSpan(dot))) : null;
    }
}
