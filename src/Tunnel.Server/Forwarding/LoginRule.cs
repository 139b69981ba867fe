using System.Text;
using Tunnel.Hosting;
using Tunnel.Http.Heads;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Which requests are part of a login that lives on its connection (docs/protocol.md, section 12). Costs the others two looks
/// at what is known of them.
/// </summary>
internal static class LoginRule
{
    /// <summary>Whether the request must not share an origin connection with anybody.</summary>
    /// <param name="login">
    /// The login of the visitor's connection, which begins with this request if there was none; null: there is none, or that
    /// connection carries many people and can have none.
    /// </param>
    public static bool Judge(ForwardingServices services, VisitorLifetime lifetime, VisitorFacts facts, RequestHead head, out ConnectionLogin? login)
    {
        login = lifetime.Login;
        bool isGoingOn = login is not null && Ascii.Equals(head.HostName, login.Name);
        if (isGoingOn || !ConnectionLogins.IsAsked(head.Headers))
        {
            login = isGoingOn ? login : null;
            return isGoingOn;
        }

        string name = Encoding.Latin1.GetString(head.HostName);
        if (services.Options.Front.TrustedProxies.Contains(facts.Peer))
        {
            if (services.RareLogin.IsDue())
            {
                ServerLog.LoginByProxy(services.Log, Printable.Of(name), facts.Peer.ToString());
            }

            login = null;
            return true;
        }

        if (login is not null)
        {
            // Of another tunnel. A visitor's connection has one login at a time: what it is asked for first again begins anew.
            services.Registry.EndLogin(login);
        }

        lifetime.Login = login = new ConnectionLogin(name);
        return true;
    }
}
