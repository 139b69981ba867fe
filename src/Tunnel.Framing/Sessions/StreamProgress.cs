namespace Tunnel.Framing.Sessions;

/// <summary>How far the user of a stream has come with it, for whoever has to choose one that gives way to others.</summary>
public enum StreamProgress : byte
{
    /// <summary>Nothing has been answered.</summary>
    Waiting,

    /// <summary>An answer has begun.</summary>
    Answering,

    /// <summary>Whoever asked sends nothing more, and has perhaps left.</summary>
    Abandoned,
}
