using System.Text;
using Tunnel.Http.Heads;
using Tunnel.Server.Diagnostics;

namespace Tunnel.Server.Forwarding;

/// <summary>
/// Answers in our own words, or breaks the answer off, and notes why. Serves the exchanges of its <see cref="Exchange"/>,
/// one after the other.
/// </summary>
internal sealed class OwnAnswer(ForwardingServices services, RequestHead request, ExchangeRecord record)
{
    /// <summary>Answers the request with an error.</summary>
    /// <param name="isRead">All of the request has been taken, so that another one may follow.</param>
    /// <exception cref="IOException">The visitor's connection broke.</exception>
    public async ValueTask<ExchangeEnd> RefuseAsync(IVisitorAnswer visitor, VisitorFacts facts, EdgeError error, bool isRead)
    {
        bool keepAlive = isRead && request.KeepAlive && !visitor.IsLast;
        record.Status = error.Status;
        if (error.IsError)
        {
            record.Error = error.Code;
            ServerLog.RequestFailed(services.Log, error.Code, error.Status, facts.AddressText, record.IdText);
            services.Metrics.RequestFailed(error.Code);
        }

        record.PageBytes = visitor.WriteError(error, request, record.IdText, keepAlive);
        await visitor.Body.FlushAsync();
        return keepAlive ? ExchangeEnd.Reusable : ExchangeEnd.AnsweredUnread;
    }

    /// <summary>Some of an answer has left that cannot be finished: the visitor sees it break, never a complete-looking truncation.</summary>
    public ExchangeEnd Cut(IVisitorAnswer visitor, EdgeError error)
    {
        record.Error = error.Code;
        ServerLog.AnswerCut(services.Log, error.Code, record.IdText);
        visitor.Abort();
        return ExchangeEnd.Closed;
    }

    /// <summary>What a request is told that found no session: there may be somebody behind the name, but not for what can be read here.</summary>
    public EdgeError Explain(EdgeError refusal) =>
        (refusal == EdgeError.TunnelNotFound || refusal == EdgeError.AgentOffline)
        && services.IsForTlsOnly(Encoding.Latin1.GetString(request.HostName))
            ? EdgeError.HttpsOnly
            : refusal;
}
