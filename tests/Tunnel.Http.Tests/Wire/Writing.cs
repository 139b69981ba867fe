using System.Buffers;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;

namespace Tunnel.Http.Tests.Wire;

/// <summary>Parsed heads and their way back to bytes.</summary>
internal static class Writing
{
    /// <summary>Parses a request that must be sound.</summary>
    public static RequestHead Request(byte[] bytes)
    {
        var head = new RequestHead(new CountingPool());
        var parser = new RequestHeadParser(HttpLimits.Default);
        parser.Parse(new ReadOnlySequence<byte>(bytes), head, out _, out _)
            .Should().Be(ParseOutcome.Complete, "{0}", parser.Reason);
        return head;
    }

    public static RequestHead Request(string text) => Request(Verdict.Bytes.GetBytes(text));

    /// <summary>Parses a response that must be sound.</summary>
    public static ResponseHead Response(byte[] bytes, RequestMethod method = RequestMethod.Get)
    {
        var head = new ResponseHead(new CountingPool());
        var parser = new ResponseHeadParser(HttpLimits.Default);
        parser.Parse(new ReadOnlySequence<byte>(bytes), head, method, out _, out _)
            .Should().Be(ParseOutcome.Complete, "{0}", parser.Reason);
        return head;
    }

    public static ResponseHead Response(string text, RequestMethod method = RequestMethod.Get) =>
        Response(Verdict.Bytes.GetBytes(text), method);

    public static byte[] Bytes(RequestHead head)
    {
        var output = new ArrayBufferWriter<byte>();
        Write(head, output);
        return output.WrittenSpan.ToArray();
    }

    public static void Write(RequestHead head, IBufferWriter<byte> output)
    {
        var writer = new HeadWriter(output);
        writer.RequestLine(head);
        writer.Fields(head.Headers);
        writer.Framing(head.Framing);
        writer.End();
    }

    /// <summary>As it is forwarded: what concerned the connection is gone, and what of it holds said anew.</summary>
    public static void Forward(RequestHead head, IBufferWriter<byte> output)
    {
        HopByHop.Remove(head.Headers);
        var writer = new HeadWriter(output);
        writer.RequestLine(head);
        writer.Fields(head.Headers);
        writer.Framing(head.Framing);
        writer.Upgrade(head.Upgrade);
        writer.End();
    }

    public static byte[] Bytes(ResponseHead head)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new HeadWriter(output);
        writer.StatusLine(head);
        writer.Fields(head.Headers);
        writer.Framing(head.Framing);
        writer.End();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Passes a body on in another framing, in the pieces given, and ends it if it is whole.</summary>
    public static BodyOutcome Reframe(byte[] bytes, IReadOnlyList<int> cuts, BodyFraming from, BodyFraming to, IBufferWriter<byte> output)
    {
        var pool = new CountingPool();
        var reader = new BodyReader(pool, HttpLimits.Default);
        var writer = new BodyWriter();
        reader.Start(from);
        writer.Start(to);
        var at = 0;
        var outcome = BodyOutcome.NeedMore;
        foreach (var available in cuts.Where(cut => cut > 0 && cut < bytes.Length).Append(bytes.Length))
        {
            var buffer = Pieces.Of(bytes, at, available, cuts);
            outcome = writer.Reframe(reader, buffer, output, out var consumed, out var examined);
            _ = buffer.Slice(consumed, examined);
            at += (int)(buffer.GetOffset(consumed) - buffer.GetOffset(buffer.Start));
            if (outcome != BodyOutcome.NeedMore)
            {
                break;
            }
        }

        if (outcome == BodyOutcome.NeedMore)
        {
            outcome = reader.EndOfInput();
        }

        if (outcome == BodyOutcome.Complete)
        {
            writer.End(output, reader.Trailers);
        }

        reader.Reset();
        pool.Outstanding.Should().Be(0);
        return outcome;
    }

    public static string Chunks(string content, HeaderList? trailers = null)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new BodyWriter();
        writer.Start(BodyFraming.Chunked);
        writer.Write(output, Verdict.Bytes.GetBytes(content));
        writer.End(output, trailers);
        return Verdict.Text(output.WrittenSpan);
    }
}
