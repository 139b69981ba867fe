using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Tunnel.Hosting.Errors;
using Tunnel.Http.Heads;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Edge;

/// <summary>
/// An answer of the edge as a page for people: small, light and dark, without anything from elsewhere. Whatever comes from outside is
/// escaped, and would not be interpreted if it were not (<see cref="PolicyFor"/>).
/// </summary>
internal static class HtmlPage
{
    private const string Style = """
        :root{color-scheme:light dark;--back:#fff;--text:#1c2128;--soft:#59636e;--line:#d1d9e0;--bad:#b42318;--good:#1a7f37}
        @media(prefers-color-scheme:dark){:root{--back:#14171c;--text:#e8ebef;--soft:#9aa4b0;--line:#39414c;--bad:#ff8a80;--good:#5fcb7c}}
        *{box-sizing:border-box;margin:0}
        body{min-height:100vh;display:flex;padding:1.5rem;background:var(--back);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
        main{margin:auto;width:100%;max-width:36rem}
        h1{font-size:.95rem;font-weight:600;color:var(--soft);margin-bottom:.75rem}
        p.says{font-size:1.25rem;line-height:1.45;overflow-wrap:anywhere}
        ol{display:flex;list-style:none;padding:0;margin-top:2rem;font-size:.85rem;color:var(--soft)}
        li{flex:1;text-align:center;border-top:3px solid var(--line);padding-top:.5rem}
        li b{display:block;font-weight:600}
        .good{border-color:var(--good)}.good b{color:var(--good)}
        .bad{border-color:var(--bad)}.bad b{color:var(--bad)}
        footer{margin-top:2rem;font-size:.85rem;color:var(--soft);overflow-wrap:anywhere}
        code{font-family:ui-monospace,monospace}
        a{color:inherit}
        .bar{height:3px;margin-top:2rem;overflow:hidden;background:var(--line)}
        .bar i{display:block;height:100%;width:30%;background:var(--good);animation:run 1.6s ease-in-out infinite alternate}
        @keyframes run{to{transform:translateX(233%)}}
        @media(prefers-reduced-motion:reduce){.bar i{animation:none;width:100%}}
        """;

    // To a browser the address of a page with a fragment is one within that page: its Refresh then only looks for the place.
    private const string ReloadWithFragment = "if(location.hash)setTimeout(function(){location.reload()},2000)";

    private const string Waiting = $"""<div class="bar" role="progressbar" aria-label="Waiting"><i></i></div><script>{ReloadWithFragment}</script>""";

    private static readonly byte[] s_policy = Encoding.ASCII.GetBytes(Policy(script: "'none'"));
    private static readonly byte[] s_policyToWait = Encoding.ASCII.GetBytes(Policy(HashOf(ReloadWithFragment)));

    // What a request goes through, and how the parties are called by people.
    private static readonly (FailedParty Party, string Name)[] s_way =
        [(FailedParty.Visitor, "You"), (FailedParty.Server, "Server"), (FailedParty.Agent, "Agent"), (FailedParty.Origin, "Local server")];

    /// <summary>The Content-Security-Policy that goes with it: its own style sheet, and its own script if it has one, by their hashes.</summary>
    public static byte[] PolicyFor(EdgeError error) => error.Refresh is null ? s_policy : s_policyToWait;

    /// <param name="help">Where the code is explained; null: nowhere.</param>
    public static byte[] Of(EdgeError error, string requestId, string? help)
    {
        string phrase = Encoding.ASCII.GetString(ReasonPhrases.For(error.Status));
        string title = error.Refresh is not null ? "Waiting" : error.IsError ? string.Create(CultureInfo.InvariantCulture, $"{error.Status} {phrase}") : "tunnel-server";
        string code = error.IsError ? $"Code: <code>{error.Code}</code><br>" : "";
        string link = help is null ? "" : $"""<br><a href="{Escape(help)}">What this means, and what to do</a>""";
        return Encoding.UTF8.GetBytes($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width,initial-scale=1">
            <meta name="robots" content="noindex">
            <title>{title}</title>
            <style>{Style}</style>
            </head>
            <body>
            <main>
            <h1>{title}</h1>
            <p class="says">{Escape(error.Says)}</p>
            {(error.Refresh is null ? Way(error.Kind.Party) : Waiting)}
            <footer>{code}Request: <code>{Escape(requestId)}</code>{link}</footer>
            </main>
            </body>
            </html>

            """);
    }

    private static string Policy(string script) =>
        $"default-src 'none'; style-src {HashOf(Style)}; script-src {script}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static string HashOf(string source) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(source)))}'";

    // Up to where the request came. For what only the visitor can mend it says nothing.
    private static string Way(FailedParty failed)
    {
        if (failed is FailedParty.Visitor or FailedParty.Operator)
        {
            return "";
        }

        // What the way to it is broken to is lost.
        (FailedParty bad, string how) = failed == FailedParty.Network ? (FailedParty.Agent, "lost") : (failed, "fails");
        var way = new StringBuilder("<ol>");
        foreach ((FailedParty party, string name) in s_way)
        {
            (string mark, string says) = party == bad ? ("bad", how) : party < bad ? ("good", "works") : ("", "not reached");
            way.Append(CultureInfo.InvariantCulture, $"""<li class="{mark}">{name}<b>{says}</b></li>""");
        }

        return way.Append("</ol>").ToString();
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
