namespace Tunnel.Server.Certificates;

/// <summary>Which certificate goes with which name: exact, then wildcard, then the default. Immutable.</summary>
internal sealed class CertificateTable
{
    private readonly Dictionary<string, ServedCertificate> _byName = new(StringComparer.Ordinal);
    private readonly ServedCertificate? _default;

    /// <param name="certificates">Of two for the same name the one that is valid longer is taken.</param>
    /// <param name="fallback">For every other name, and for visitors that name none; null: there is none.</param>
    public CertificateTable(IEnumerable<ServedCertificate> certificates, ServedCertificate? fallback)
    {
        _default = fallback;
        foreach (ServedCertificate certificate in certificates)
        {
            foreach (string name in certificate.Names)
            {
                if (!_byName.TryGetValue(name, out ServedCertificate? other) || other.NotAfter < certificate.NotAfter)
                {
                    _byName[name] = certificate;
                }
            }
        }
    }

    /// <summary>There is not even one.</summary>
    public bool IsEmpty => _byName.Count == 0 && _default is null;

    /// <summary>The certificate for a name, or null when the visitor is to be turned away.</summary>
    /// <param name="name">Lower case, without a final dot; null: the visitor named none.</param>
    public ServedCertificate? Find(string? name) => name is null ? _default : FindNamed(name) ?? _default;

    /// <summary>There is a certificate that clients take for this name; they refuse the default one for it.</summary>
    /// <param name="name">As above; may begin with <c>*.</c>.</param>
    public bool Covers(string name) => FindNamed(name) is not null;

    private ServedCertificate? FindNamed(string name)
    {
        if (_byName.TryGetValue(name, out ServedCertificate? exact))
        {
            return exact;
        }

        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 ? _byName.GetValueOrDefault(string.Concat("*", name.AsSpan(dot))) : null;
    }
}
