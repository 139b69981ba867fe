namespace Tunnel.Http.Heads;

/// <summary>The form in which a request target arrived (RFC 9112 section 3.2).</summary>
public enum TargetForm
{
    /// <summary><c>/path?query</c>.</summary>
    Origin,

    /// <summary><c>http://host/path</c>; written on in origin-form, its authority is the effective one.</summary>
    Absolute,

    /// <summary><c>host:port</c>, with CONNECT only.</summary>
    Authority,

    /// <summary><c>*</c>, with OPTIONS only.</summary>
    Asterisk,
}
