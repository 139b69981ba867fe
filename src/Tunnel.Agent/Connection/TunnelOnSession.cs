using Tunnel.Agent.Tunnels;
using Tunnel.Transport;

namespace Tunnel.Agent.Connection;

/// <summary>How one tunnel stands on one session. Belongs to the loop of <see cref="SessionTunnels"/>.</summary>
internal sealed class TunnelOnSession(AgentTunnel tunnel)
{
    private bool _isBound;

    public AgentTunnel Tunnel { get; private set; } = tunnel;

    public Backoff Backoff { get; } = new(Random.Shared);

    /// <summary>BINDs that were not answered; those of one number are answered in order, and the last one counts.</summary>
    public int Asks { get; set; }

    /// <summary>When it was asked last; a time stamp.</summary>
    public long AskedAt { get; set; }

    /// <summary>Why it is not, or not as it is wanted; null: it is, or there is no answer yet.</summary>
    public NoLinkException? Refusal { get; set; }

    /// <summary>When it is asked again; a time stamp. Null: there is no need to.</summary>
    public long? NextTry { get; set; }

    public string Url { get; private set; } = "";

    public bool IsBound => _isBound;

    public void Bind(string url)
    {
        Url = url;
        Refusal = null;
        NextTry = null;
        if (!_isBound)
        {
            _isBound = true;
            Tunnel.Came(url);
        }
    }

    /// <summary>It is not, or not any more.</summary>
    public void Unbind(string reason)
    {
        if (_isBound)
        {
            _isBound = false;
            Tunnel.Went(reason);
        }
        else
        {
            Tunnel.Refuse(reason);
        }
    }

    /// <summary>Its person has said it anew.</summary>
    public void Become(AgentTunnel tunnel)
    {
        if (_isBound)
        {
            Tunnel.Went("");
            tunnel.Came(Url);
        }

        Tunnel = tunnel;
    }
}
