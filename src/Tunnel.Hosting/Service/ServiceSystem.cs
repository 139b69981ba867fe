namespace Tunnel.Hosting.Service;

/// <summary>What runs services on a system: the file it wants for one, and the calls of its tools that our commands are made of.</summary>
public abstract class ServiceSystem
{
    /// <summary>What it calls itself.</summary>
    public abstract string Title { get; }

    /// <summary>What a person should know of it once; null: nothing.</summary>
    public virtual string? Caution => null;

    /// <summary>Why it cannot be used here, and what else there is; null: it can.</summary>
    public abstract string? FindFault();

    /// <summary>What of this service it could not run, a sentence each.</summary>
    public virtual IReadOnlyList<string> FindFaults(ServiceDescription service) => [];

    /// <summary>What it calls the service.</summary>
    public abstract string NameOf(string service);

    /// <summary>The file that describes the service.</summary>
    public abstract ServiceFile FileOf(ServiceDescription service);

    /// <summary>Where that file is.</summary>
    public abstract string PathOf(string service);

    /// <summary>Where environment variables of the service stand, for its owner's eyes only; null: it has no such place.</summary>
    public virtual string? VariablesPathOf(string program, string service) => null;

    /// <summary>When the file stands: makes the system know it, start it with itself, and now.</summary>
    public abstract IReadOnlyList<ToolCall> Install(string service, bool isStarted);

    /// <summary>Before the file goes: stops it, and lets it not start again.</summary>
    public abstract IReadOnlyList<ToolCall> Remove(string service);

    /// <summary>When the file is gone.</summary>
    public virtual IReadOnlyList<ToolCall> Forget(string service) => [];

    public abstract IReadOnlyList<ToolCall> Start(string service);

    public abstract IReadOnlyList<ToolCall> Stop(string service);

    public abstract IReadOnlyList<ToolCall> Restart(string service);

    /// <summary>Prints its log.</summary>
    public abstract ToolCall Logs(string service, int lines, bool isFollowed);

    /// <exception cref="ServiceException">The system does not tell.</exception>
    public abstract Task<ServiceState> FindStateAsync(string service, ISystemTools tools);

    /// <summary>When it starts by itself, as a sentence.</summary>
    public abstract string WhenItStarts();
}
