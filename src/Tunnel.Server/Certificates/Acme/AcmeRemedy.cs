using Tunnel.Hosting.Acme;

namespace Tunnel.Server.Certificates.Acme;

/// <summary>What a person can do about a certificate that does not come about.</summary>
internal static class AcmeRemedy
{
    /// <param name="challenge">How the name was to be proved, like <c>http-01</c>.</param>
    public static string Of(AcmeException error, string name, string challenge)
    {
        string port = challenge == "http-01" ? "80" : "443";
        return error.Problem?.Type switch
        {
            "connection" => $"Port {port} of {name} must reach this server from the internet: look at the firewall, the mapping of ports, and where {name} leads in DNS (its AAAA record too). Where only the other port can be reached, say --acme-challenge {(port == "80" ? "tls" : "http")}.",
            "dns" => $"{name} must lead to this server in DNS, by A and AAAA records.",
            "unauthorized" or "incorrectResponse" => $"Somebody else answers on port {port} of {name}, or nobody does: let its A and AAAA records lead to this server, and whatever stands in front of it pass the question on.",
            "tls" => $"No TLS came about on port 443 of {name}: whatever stands in front of this server must pass TLS on unopened, or say --acme-challenge http.",
            "caa" => $"A CAA record in DNS keeps this CA from giving out certificates for {name}: add the CA to it.",
            "rateLimited" => "The CA's limits are used up. It is asked again when they allow it; until then a wildcard certificate in --cert does it.",
            "externalAccountRequired" => "Say --acme-eab KEYID:KEY, as the CA has given them to you.",
            "userActionRequired" => "The CA wants something of you first, for the most part consent to new terms; see what it says.",
            "rejectedIdentifier" => $"This CA gives no certificate for {name}: choose another --domain or another CA (--acme-directory).",
            "invalidProfile" => "Say --acme-profile with one of these, or leave it out.",
            "invalidContact" or "unsupportedContact" => "Give --acme an address that the CA takes, or none.",
            _ => error.Fault switch
            {
                AcmeFault.Unreachable => "See whether this machine reaches it: the network, DNS, a proxy (HTTPS_PROXY), a firewall.",
                AcmeFault.NotTrusted => "If it is a CA of your own, name its root with --acme-root; otherwise look at the clock of this machine, and who answers there.",
                AcmeFault.Nonsense => "See whether --acme-directory is the directory of an ACME CA.",
                AcmeFault.TooSlow => "It goes on where it was.",
                _ => "See what the CA says.",
            },
        };
    }
}
