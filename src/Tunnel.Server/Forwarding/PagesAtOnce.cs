using System.Text;
using Tunnel.Http.Heads;
using Tunnel.Server.Routing;

namespace Tunnel.Server.Forwarding;

/// <summary>What somebody in front of a browser is shown at once, where other requests wait for a session or find none.</summary>
internal sealed class PagesAtOnce(ServerOptions options, TunnelRegistry registry)
{
    private readonly byte[]? _domain = options.Pages.HasLandingPage ? Encoding.ASCII.GetBytes(options.Domain) : null;

    /// <summary>The page for a request that has no session; null: it is as any other.</summary>
    /// <param name="isKnown">Somebody may come for it.</param>
    public EdgeError? Find(RequestHead request, bool isKnown) =>
        IsForDomain(request) ? EdgeError.Landing
        : isKnown && PageKinds.IsNavigation(request) && registry.HasWaitingPage(request.HostName) ? EdgeError.AgentAway
        : null;

    private bool IsForDomain(RequestHead request) =>
        _domain is not null && request.HostName.SequenceEqual(_domain) && request.Target.SequenceEqual("/"u8)
        && (request.Method == RequestMethod.Get || request.Method == RequestMethod.Head);
}
