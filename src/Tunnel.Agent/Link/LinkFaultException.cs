using Tunnel.Hosting.Errors;

namespace Tunnel.Agent.Link;

/// <summary>There is no link; the message says why, and what to do where that is known.</summary>
internal sealed class LinkFaultException(KnownError error, string message, Exception? inner = null) : IOException(message, inner)
{
    public KnownError Error { get; } = error;
}
