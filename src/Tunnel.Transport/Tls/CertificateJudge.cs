using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Tunnel.Transport.Tls;

/// <summary>Judges a server's certificate as the platform does, and keeps the reason in words a person can act on.</summary>
internal sealed class CertificateJudge(string host)
{
    /// <summary>Null: nothing was wrong, or nothing was judged.</summary>
    public string? Fault { get; private set; }

    public bool Accept(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        var faults = new List<string>();
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            faults.Add("the server showed no certificate");
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            faults.Add($"its certificate ({certificate?.Subject}) is not for {host}");
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            faults.AddRange((chain?.ChainStatus ?? []).Select(static status => Describe(status.Status)).Distinct());
        }

        if (errors != SslPolicyErrors.None)
        {
            Fault = $"{host} is not trusted: {string.Join("; ", faults)}.";
        }

        return errors == SslPolicyErrors.None;
    }

    private static string Describe(X509ChainStatusFlags status) => status switch
    {
        X509ChainStatusFlags.NotTimeValid => "its certificate has expired, or is not valid yet",
        X509ChainStatusFlags.UntrustedRoot => "the authority that signed its certificate is not one we trust",
        X509ChainStatusFlags.PartialChain => "the authority that signed its certificate is unknown here, or its chain is incomplete",
        X509ChainStatusFlags.Revoked => "its certificate was revoked",
        X509ChainStatusFlags.NotSignatureValid => "the signature on its certificate is wrong",
        X509ChainStatusFlags.NotValidForUsage => "its certificate is not one for servers",
        _ => $"its certificate was refused ({status})",
    };
}
