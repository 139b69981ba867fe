using System.IO.Pipelines;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Sessions;

/// <summary>
/// The links of a session, one after the other: which one carries it now, how one is given up for good before the next
/// begins (docs/protocol.md, section 7, resume).
/// </summary>
internal sealed class SessionLinks(Session session, SessionPulse pulse, Func<SessionReader> newReader, Func<SessionWriter> newWriter)
{
    private readonly Lock _lock = new();
    private SessionLink? _current;

    private SessionLink? Current
    {
        get
        {
            lock (_lock)
            {
                return _current;
            }
        }
    }

    /// <summary>See <see cref="Session.AttachAsync"/>.</summary>
    public async Task<bool> AttachAsync(IDuplexPipe link, ulong peerCount)
    {
        var next = new SessionLink(session, link, newReader(), newWriter());
        if (!TryTake(next, peerCount))
        {
            await next.RefuseAsync();
            return false;
        }

        pulse.Attach(next);
        session.User.OnAttached();
        await next.RunAsync(LetGo);
        return true;
    }

    /// <summary>See <see cref="Session.DetachAsync"/>.</summary>
    public async Task<ulong> DetachAsync()
    {
        if (Current is { } link)
        {
            // A session that has ended has its own order of stopping; CLOSE may still be on its way.
            if (!session.IsEnded)
            {
                link.Lose("Another link takes its place.");
            }

            await link.LoopsStopped;
        }

        return session.Streams.Received.Tell();
    }

    /// <summary>See <see cref="Session.CanResumeAt"/>.</summary>
    public bool CanResumeAt(ulong peerCount)
    {
        if (session.IsAttached)
        {
            throw new InvalidOperationException("A link is attached; its writer may be sending right now.");
        }

        try
        {
            lock (session.Streams.Gate)
            {
                if (session.IsEnded)
                {
                    return false;
                }

                session.Streams.Replay.Rewind(peerCount);
                return true;
            }
        }
        catch (ProtocolViolationException violation)
        {
            session.End(violation);
            return false;
        }
    }

    /// <summary>Completes when no loop runs any more; once the session has ended, for good.</summary>
    public Task WhenStoppedAsync() => Current?.LoopsStopped ?? Task.CompletedTask;

    private bool TryTake(SessionLink link, ulong peerCount)
    {
        try
        {
            lock (_lock)
            {
                // Whoever ends the session later finds the link here, and waits for it.
                if (session.IsEnded)
                {
                    return false;
                }

                if (_current is not null)
                {
                    throw new InvalidOperationException("The session has a link; it gives that one up with DetachAsync.");
                }

                session.Streams.Attach(peerCount);
                _current = link;
                return true;
            }
        }
        catch (ProtocolViolationException violation)
        {
            session.End(violation);
            return false;
        }
    }

    // The link's loops have stopped.
    private void LetGo(string reason)
    {
        bool livesOn = !session.IsEnded;
        if (livesOn)
        {
            // Ahead of the others: whoever sees that there is no link finds the window begun.
            pulse.Detach(session.Options.ResumeWindow);
        }

        StreamEnding untried = session.Streams.Detach();
        if (livesOn)
        {
            session.User.OnDetached(reason);
            lock (_lock)
            {
                _current = null;
            }
        }

        // Behind OnDetached: whoever looks for another session now does not find this one.
        untried.Tell(reason);
    }
}
