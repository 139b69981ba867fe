namespace Tunnel.Agent.Connection;

/// <summary>
/// The whole connection of an agent: as many sessions side by side as it was told to keep, and one exit for all of them.
/// The first session gets the name; the others serve the same.
/// </summary>
internal sealed class AgentLoop
{
    private readonly ConnectionServices _services;
    private readonly SlotLoop[] _slots;

    public AgentLoop(ConnectionServices services)
    {
        _services = services;
        var server = new ServerLink(services);
        _slots = [.. Enumerable.Range(0, services.Options.Link.Links).Select(slot => new SlotLoop(services, server, slot))];
    }

    /// <summary>Streams open in all sessions.</summary>
    public int OpenStreams => _slots.Sum(slot => slot.OpenStreams);

    /// <summary>Sessions that stand, with or without a link at the moment.</summary>
    public int Sessions => _slots.Count(slot => slot.IsConnected);

    /// <summary>How the best of the sessions stands.</summary>
    public AgentStatus Status => _slots.Select(slot => slot.Status).MaxBy(status => status.State)!;

    /// <summary>What the server said last.</summary>
    public ServerFacts Server => _slots[0].Server;

    /// <summary>The shortest of the last seconds, over the best of the sessions; null: not measured yet.</summary>
    public TimeSpan? RoundTrip => _slots.Min(slot => slot.RoundTrip);

    /// <summary>Runs until stopped, or until the server's refusal is final.</summary>
    /// <param name="stop">Leaves: running requests finish within the grace.</param>
    /// <param name="hurry">Ends the grace at once.</param>
    public async Task<AgentExit> RunAsync(CancellationToken stop, CancellationToken hurry)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await using NetworkWatch? watch = _services.Options.Link.WatchesNetwork ? new NetworkWatch(_services.Time, Poke) : null;
        List<Task<AgentExit>> running = [_slots[0].RunAsync(over.Token, hurry)];
        await Task.WhenAny(running[0], _slots[0].WhenUp);
        if (!running[0].IsCompleted)
        {
            running.AddRange(_slots.Skip(1).Select(slot => slot.RunAsync(over.Token, hurry)));
        }

        // None ends by itself unless the refusal concerns them all.
        Task<AgentExit> first = await Task.WhenAny(running);
        await over.CancelAsync();
        await Task.WhenAll(running);
        return await first;
    }

    /// <summary>The network may have changed: links are asked, waits end.</summary>
    public void Poke()
    {
        foreach (SlotLoop slot in _slots)
        {
            slot.Poke();
        }
    }
}
