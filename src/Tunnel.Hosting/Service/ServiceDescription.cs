namespace Tunnel.Hosting.Service;

/// <summary>A program that the system is to run as a service: what differs between ours, and between two services of one.</summary>
/// <param name="Program">Its name, as people type it.</param>
/// <param name="Name">Of the service; the program's, or that with something behind it.</param>
/// <param name="Command">The executable's full path, and its arguments; no secrets, every user can read them.</param>
public sealed record ServiceDescription(string Program, string Name, IReadOnlyList<string> Command)
{
    /// <summary>The account that it runs as; null: the system chooses one that can do little.</summary>
    public string? Account { get; init; }

    /// <summary>A group whose files it may use beside its own; null: none.</summary>
    public string? Group { get; init; }

    /// <summary>It listens on ports below 1024.</summary>
    public bool TakesLowPorts { get; init; }

    /// <summary>Commands ask it at a control socket.</summary>
    public bool HasControl { get; init; }

    /// <summary>It may be asked to write logs of its own.</summary>
    public bool HasLogs { get; init; }

    /// <summary>Exit codes after which starting it again is of no use until a person changes something.</summary>
    public IReadOnlyList<int> FinalExitCodes { get; init; } = [];

    /// <summary>A file with a secret that only its owner can read, and that the system hands to the service as <c>token</c>; null: none.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Files beside the executable that it reads under their own paths.</summary>
    public IReadOnlyList<string> Reads { get; init; } = [];

    /// <summary>Environment variables; some are secrets.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>What is done for as long as it runs, for a person: a sentence.</summary>
    public string Purpose { get; init; } = "";
}
