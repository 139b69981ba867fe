using Tunnel.Hosting.Acme;

namespace Tunnel.Server.Certificates.Acme;

/// <summary>What is known of one name's certificate: what is served, what the last tries gave, what the CA says of its renewal. Belongs to one task at a time.</summary>
internal sealed class ManagedCertificate(CertificateFolder folder, double spread)
{
    private KeptTries? _tries = folder.ReadTries();

    public string Name => folder.Name;

    public CertificateFolder Folder => folder;

    public ObtainedCertificate? Current { get; private set; }

    /// <summary>When the CA wants it to be renewed; null: it does not say.</summary>
    public RenewalInfo? Window { get; set; }

    /// <summary>When the CA is asked for that the next time.</summary>
    public DateTimeOffset AskAt { get; set; }

    /// <summary>When the last one came; whatever it says, and whatever the CA says of it, the next one is not asked for at once.</summary>
    public DateTimeOffset? ObtainedAt { get; set; }

    public int Failures => _tries?.Failures ?? 0;

    /// <summary>Takes in what lies on the disk.</summary>
    /// <returns>Whether it is another one than before.</returns>
    public bool TakeIn(DateTimeOffset now, out string? fault)
    {
        ObtainedCertificate? found = ObtainedCertificate.Read(folder, now, out fault);
        if (found is null || found.Serial == Current?.Serial)
        {
            return false;
        }

        Current = found;
        Window = null;
        AskAt = default;
        return true;
    }

    /// <summary>When a certificate is to be asked for.</summary>
    public DateTimeOffset DueAt(DateTimeOffset now)
    {
        if (_tries?.At > now)
        {
            // The clock was set back: the pause begins now, whenever that was.
            _tries = _tries with { At = now };
        }

        DateTimeOffset renewAt = Current is { } current ? RenewalPlan.RenewAt(current.NotBefore, current.NotAfter, Window, spread) : DateTimeOffset.MinValue;
        DateTimeOffset tryAt = _tries is not null ? RenewalPlan.NextTry(_tries) : ObtainedAt + RenewalPlan.Rest ?? DateTimeOffset.MinValue;
        return renewAt > tryAt ? renewAt : tryAt;
    }

    /// <summary>It worked.</summary>
    /// <exception cref="IOException">The disk does not forget what was before.</exception>
    public void Succeeded()
    {
        if (_tries is not null)
        {
            _tries = null;
            folder.KeepTries(null);
        }
    }

    /// <summary>It did not; the pause holds in this process even when the disk does not take it.</summary>
    /// <exception cref="IOException">The disk does not take it.</exception>
    public void Failed(KeptTries tries)
    {
        _tries = tries;
        folder.KeepTries(tries);
    }
}
