using System.IO.Pipelines;
using System.Net;
using Tunnel.Framing.Frames;
using Tunnel.Http.Heads;
using Tunnel.Server.Forwarding;

namespace Tunnel.Server.Tests.Forwarding;

/// <summary>A visitor with another wire than HTTP/1.1: heads come and go as they are, bodies as bare bytes.</summary>
internal sealed class BareFront : IVisitorRequest, IVisitorAnswer
{
    private readonly Pipe _up = new();
    private readonly Pipe _down = new();

    public VisitorFacts Facts { get; } =
        new(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 5), new IPEndPoint(IPAddress.Loopback, 443), VisitorScheme.Https);

    public VisitorLifetime Lifetime { get; } = new();

    public bool IsLate => false;

    public bool IsLast => false;

    /// <summary>The visitor's end of the body it sends.</summary>
    public PipeWriter Sending => _up.Writer;

    /// <summary>The visitor's end of the body it gets.</summary>
    public PipeReader Receiving => _down.Reader;

    public List<int> Interim { get; } = [];

    public int? Status { get; private set; }

    public EdgeError? Error { get; private set; }

    public bool IsBroken { get; private set; }

    PipeReader IVisitorRequest.Body => _up.Reader;

    PipeWriter IVisitorAnswer.Body => _down.Writer;

    public ValueTask<ReadResult> ReadBodyAsync(TimeSpan within) => _up.Reader.ReadAsync();

    public void AwaitContinue()
    {
    }

    public void Watch()
    {
    }

    public ValueTask PassInterimAsync(ResponseHead head)
    {
        Interim.Add(head.Status);
        return ValueTask.CompletedTask;
    }

    public BodyFraming WriteHead(ResponseHead head, RequestHead request, ref bool keepAlive)
    {
        Status = head.Status;
        return BodyFraming.UntilClose;
    }

    public int WriteError(EdgeError error, RequestHead request, string requestId, bool keepAlive)
    {
        Error = error;
        return 0;
    }

    public bool TryTakeBack() => false;

    public void EnterRaw()
    {
    }

    public void Abort() => IsBroken = true;
}
