namespace Tunnel.Server.Routing;

/// <summary>
/// A login that lives on a visitor's connection (docs/protocol.md, section 12): the tunnel it is for, and the session behind
/// which its origin connection is. Belongs to the visitor's connection; only the request under way there touches it.
/// </summary>
internal sealed class ConnectionLogin(string name)
{
    private static ulong s_last;

    /// <summary>The public name of the tunnel: at another one this login says nothing.</summary>
    public string Name { get; } = name;

    /// <summary>Of the visitor's connection, in OPEN; no other login of this process has it.</summary>
    public ulong Number { get; } = Interlocked.Increment(ref s_last);

    /// <summary>Whose session had its last request, and gets the next; null: it had none yet.</summary>
    public ServedTunnel? Tunnel { get; set; }
}
