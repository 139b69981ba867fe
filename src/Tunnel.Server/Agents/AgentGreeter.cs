using System.Globalization;
using Tunnel.Framing.Frames;
using Tunnel.Framing.Sessions;
using Tunnel.Server.Diagnostics;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Agents;

/// <summary>
/// The handshake of one link: a new session for an agent, or the next link of one it has (docs/protocol.md, sections 3
/// and 7). What has to be said to whoever gets neither is said here.
/// </summary>
internal sealed class AgentGreeter(AgentServices services)
{
    /// <summary>No new sessions any more; those that exist may still be resumed.</summary>
    public bool IsDraining { get; set; }

    /// <summary>Reads HELLO, answers it, and gives the link to its session. Null when it got none.</summary>
    /// <returns>The task that completes when the session has let go of the link.</returns>
    /// <exception cref="OperationCanceledException">It took too long.</exception>
    public async Task<Task<bool>?> GreetAsync(AgentLink link, CancellationToken cancel)
    {
        HelloMessage? hello;
        try
        {
            hello = await Handshake.ReadHelloAsync(link.Connection.Input, cancel);
        }
        catch (ProtocolViolationException violation)
        {
            return await RejectAsync(link, RejectCodes.HelloInvalid, violation.Message, retry: false, cancel);
        }

        if (hello is null)
        {
            ServerLog.LinkUnproved(services.Log, Text(link));
            return null;
        }

        if (Admission.Judge(hello, link.Facts, services.Gate, out AgentIdentity? who) is { } reject)
        {
            return await RejectAsync(link, reject.Code, reject.Message, reject.Retry, cancel);
        }

        return hello.Resume is { } resume ? await ResumeAsync(link, resume, who!, cancel) : await OpenAsync(link, hello, who!, cancel);
    }

    private async Task<Task<bool>?> OpenAsync(AgentLink link, HelloMessage hello, AgentIdentity who, CancellationToken cancel)
    {
        if (IsDraining)
        {
            return await RejectAsync(
                link, RejectCodes.Draining, "The server is stopping; another one may take its place at once.", retry: true, cancel, who, DrainingRetry);
        }

        AgentSession? replaces = hello.Replaces is { } old && services.Directory.Find(old.Session) is { } known
            && known.Secret.VerifyReplacement(old.Session, hello.Instance, old.Proof)
            ? known
            : null;
        var session = new AgentSession(services, hello, who, link.Facts.Remote, replaces);
        session.Begin();
        bool isUp = false;
        try
        {
            if (services.Places.Enter(session) is { } limit)
            {
                return await RejectAsync(link, RejectCodes.TooManySessions, limit, retry: true, cancel, who);
            }

            using AttachOrder.Turn turn = await session.Order.WaitAsync(cancel);
            session.Introduce();
            await WelcomeAsync(link, session, count: null, cancel);
            Task<bool> served = session.ServeAsync(link.Connection, peerCount: 0);
            isUp = true;
            if (IsDraining)
            {
                // It came in while the others were told.
                session.Leave(services.Options.Grace);
            }

            return served;
        }
        finally
        {
            if (!isUp)
            {
                session.Close(CloseCode.Normal, "the handshake failed");
            }
        }
    }

    private async Task<Task<bool>?> ResumeAsync(AgentLink link, ResumeRequest resume, AgentIdentity who, CancellationToken cancel)
    {
        if (services.Directory.Find(resume.Session) is not { } session)
        {
            string reason = services.Directory.EndOf(resume.Session) ?? "this server does not know it; it may have been started since";
            return await RefuseResumeAsync(link, who, $"The session is over: {reason}.", cancel);
        }

        if (session.Holder.Identity != who || !session.Secret.Verify(resume.Session, resume.Attach, resume.Count, resume.Proof))
        {
            return await RefuseResumeAsync(link, who, "The proof does not hold.", cancel);
        }

        if (!session.Order.TryClaim(resume.Attach))
        {
            return await RefuseResumeAsync(
                link, who, string.Create(CultureInfo.InvariantCulture, $"Attach number {resume.Attach} is out of date."), cancel);
        }

        using AttachOrder.Turn turn = await session.Order.WaitAsync(cancel);
        if (!session.Order.IsNewest(resume.Attach))
        {
            return await RefuseResumeAsync(link, who, "A newer link has come meanwhile.", cancel);
        }

        ulong count = await session.Session.DetachAsync();
        if (!session.Session.CanResumeAt((ulong)resume.Count))
        {
            string reason = services.Directory.EndOf(resume.Session) ?? "it cannot go on from this count";
            return await RefuseResumeAsync(link, who, $"The session is over: {reason}.", cancel);
        }

        await WelcomeAsync(link, session, (long)count, cancel);
        if (!session.Order.IsNewest(resume.Attach))
        {
            ServerLog.LinkUnproved(services.Log, Text(link));
            return null;
        }

        ServerLog.SessionResumed(services.Log, session.Holder.Caption, Text(link));
        return session.ServeAsync(link.Connection, (ulong)resume.Count);
    }

    private Task WelcomeAsync(AgentLink link, AgentSession session, long? count, CancellationToken cancel)
    {
        TimeSpan window = services.Session.ResumeWindow;
        var welcome = new WelcomeMessage
        {
            Version = ProtocolLimits.Version,
            Software = Product.Software,
            Session = session.Id,

            // The key travels once: whoever resumes has it.
            Secret = count is null ? session.Secret.ToHex() : null,
            ResumeWindow = (long)window.TotalMilliseconds,
            Count = count,
            Time = services.Session.Time.GetUtcNow().ToUnixTimeSeconds(),
            Token = session.Holder.Identity.TokenName,
            Streams = services.Session.MaxStreams,
            UploadWindow = services.Session.UploadWindow,
        };
        return Handshake.SendAsync(link.Connection.Output, FrameKind.Welcome, welcome, cancel);
    }

    // A successor that may be there already is reached by the next dial. Otherwise it is us again, or nobody, until it comes:
    // soon enough for whoever waits, and not a storm.
    private TimeSpan DrainingRetry => services.Options.Listen.MayHaveSuccessor ? TimeSpan.Zero : TimeSpan.FromSeconds(1);

    private Task<Task<bool>?> RefuseResumeAsync(AgentLink link, AgentIdentity who, string message, CancellationToken cancel) =>
        RejectAsync(link, RejectCodes.ResumeRefused, message, retry: true, cancel, who);

    private async Task<Task<bool>?> RejectAsync(AgentLink link, string code, string message, bool retry, CancellationToken cancel, AgentIdentity? who = null, TimeSpan? retryAfter = null)
    {
        // What is wrong with a token has its line already, and who comes while the server stops finds the next one.
        if (code is not (RejectCodes.TokenUnknown or RejectCodes.TokenExpired or RejectCodes.TokenRevoked or RejectCodes.Draining)
            && services.Refusals.Due(link.Facts.Remote.Address, $"{code} {who?.Name}") is > 0 and int count)
        {
            ServerLog.AgentRefused(services.Log, who?.At(Text(link)) ?? Text(link), message, count, code);
        }

        var reject = new RejectMessage
        {
            Code = code,
            Message = TunnelClaims.Sentence(message),
            Retry = retry,
            RetryAfter = (long?)retryAfter?.TotalMilliseconds,
            Time = services.Session.Time.GetUtcNow().ToUnixTimeSeconds(),
        };
        await Handshake.SendAsync(link.Connection.Output, FrameKind.Reject, reject, cancel);
        return null;
    }

    private static string Text(AgentLink link) => link.Facts.Remote.ToString();
}
