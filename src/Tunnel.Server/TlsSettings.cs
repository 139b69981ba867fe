using System.CommandLine;
using Tunnel.Hosting;

namespace Tunnel.Server;

/// <summary>The options of the command line that are about certificates and HTTPS.</summary>
internal sealed class TlsSettings(OptionSet options)
{
    private readonly Option<string[]> _cert = options.Texts(
        "--cert", "FILE", "Certificate chain in PEM form, or PFX with the key inside. The first is the default.");

    private readonly Option<string[]> _key = options.Texts("--key", "FILE", "The key of the --cert before it, in PEM form.");

    private readonly Option<string?> _certDir = options.Text(
        "--cert-dir", "FOLDER", "A folder of certificates, chosen by name: NAME.pem with NAME.key, NAME.pfx, or folders as certbot makes them.");

    private readonly Option<string?> _tls = options.Choice(
        "--tls", "self-signed makes a certificate for the domain, for trying out; browsers warn of it.", "files", "files", "self-signed");

    private readonly Option<bool> _redirect = options.Switch("--https-redirect", "Answer plain HTTP with a redirect to HTTPS.");

    private readonly Option<long?> _hsts = options.Count(
        "--hsts", "SECONDS", "Tell browsers to use HTTPS only, for so long (Strict-Transport-Security). Default: they are not told.", "a whole number of seconds");

    public ServerOptions Read(ParseResult arguments, ServerOptions defaults) => defaults with
    {
        Certs = arguments.GetValue(_cert) ?? [],
        Keys = arguments.GetValue(_key) ?? [],
        CertDir = arguments.GetValue(_certDir),
        SelfSigned = arguments.GetValue(_tls) == "self-signed",
        RedirectsToHttps = arguments.GetValue(_redirect),
        Hsts = arguments.GetValue(_hsts) is { } seconds ? TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue)) : null,
    };
}
