using System.Buffers;
using System.Text;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Fuzz;

/// <summary>
/// All messages of one connection in one direction, heads and bodies, as the edge and the agent read them: where one
/// message ends and the next begins is what smuggling is about. Written anew and read again they must be the same ones,
/// however the bytes were cut.
/// </summary>
internal static class Conversations
{
    public static string Requests(byte[] bytes, IReadOnlyList<int> cuts)
    {
        var whole = Read(bytes, [], isRequest: true, rewritten: null);
        Read(bytes, cuts, isRequest: true, rewritten: null).Should().Be(whole);
        var rewritten = new ArrayBufferWriter<byte>();
        var passed = Read(bytes, [], isRequest: true, rewritten);
        passed.Should().Be(whole);
        var again = Read(rewritten.WrittenSpan.ToArray(), [], isRequest: true, rewritten: null);
        again.Messages.Should().Be(whole.Messages);
        return whole.Outline;
    }

    public static string Answers(byte[] bytes, IReadOnlyList<int> cuts)
    {
        var whole = Read(bytes, [], isRequest: false, rewritten: null);
        Read(bytes, cuts, isRequest: false, rewritten: null).Should().Be(whole);
        var rewritten = new ArrayBufferWriter<byte>();
        Read(bytes, [], isRequest: false, rewritten).Should().Be(whole);
        var again = Read(rewritten.WrittenSpan.ToArray(), [], isRequest: false, rewritten: null);
        again.Messages.Should().Be(whole.Messages);
        return whole.Outline;
    }

    /// <param name="Messages">What the whole messages mean.</param>
    /// <param name="Outline">How the conversation went, without its contents.</param>
    private sealed record Conversation(string Messages, string Outline);

    private static Conversation Read(byte[] bytes, IReadOnlyList<int> cuts, bool isRequest, ArrayBufferWriter<byte>? rewritten)
    {
        var messages = new StringBuilder();
        var outline = new StringBuilder();
        var at = 0;
        while (true)
        {
            var message = new ArrayBufferWriter<byte>();
            var read = isRequest
                ? OneRequest(bytes, ref at, cuts, message)
                : OneAnswer(bytes, ref at, cuts, message);
            outline.Append(read.Outline).Append(' ');
            if (read.Meaning is null)
            {
                return new Conversation(messages.ToString(), outline.ToString());
            }

            messages.Append(read.Meaning).Append("\n--\n");
            rewritten?.Write(message.WrittenSpan);
            if (!read.GoesOn)
            {
                return new Conversation(messages.ToString(), outline.ToString());
            }
        }
    }

    /// <param name="Meaning">Null when there is no whole message.</param>
    private readonly record struct Message(string? Meaning, string Outline, bool GoesOn);

    private static Message OneRequest(byte[] bytes, ref int at, IReadOnlyList<int> cuts, ArrayBufferWriter<byte> output)
    {
        var head = new RequestHead(new CountingPool());
        var parser = new RequestHeadParser(HttpLimits.Default);
        var outcome = Feed(bytes, ref at, cuts, (in ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined) =>
            parser.Parse(buffer, head, out consumed, out examined));
        if (outcome != ParseOutcome.Complete)
        {
            return new Message(null, $"{outcome} {parser.Reason}", false);
        }

        if (head.IsConnect || head.Authority.IsEmpty)
        {
            return new Message(null, "unserved", false);
        }

        // As the edge forwards it: always as 1.1, and what concerned the connection is gone.
        Writing.Forward(head, output);
        var body = Body(bytes, ref at, cuts, head.Framing, output);
        return body.Meaning is null
            ? body
            : new Message(Verdict.DescribeMeaning(head) + body.Meaning, $"{head.Version} {head.Framing.Kind} {body.Outline}", head.KeepAlive);
    }

    private static Message OneAnswer(byte[] bytes, ref int at, IReadOnlyList<int> cuts, ArrayBufferWriter<byte> output)
    {
        var head = new ResponseHead(new CountingPool());
        var parser = new ResponseHeadParser(HttpLimits.Default);
        var outcome = Feed(bytes, ref at, cuts, (in ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined) =>
            parser.Parse(buffer, head, RequestMethod.Get, out consumed, out examined));
        if (outcome != ParseOutcome.Complete)
        {
            return new Message(null, $"{outcome} {parser.Reason}", false);
        }

        if (head.IsSwitch)
        {
            return new Message(null, "switch", false);
        }

        HopByHop.Remove(head.Headers);
        output.Write(Writing.Bytes(head));
        var body = Body(bytes, ref at, cuts, head.Framing, output);
        return body.Meaning is null
            ? body
            : new Message(
                Verdict.DescribeMeaning(head) + body.Meaning, $"{head.Status / 100} {head.Framing.Kind} {body.Outline}",
                head.Framing.Kind != BodyKind.UntilClose);
    }

    private static Message Body(byte[] bytes, ref int at, IReadOnlyList<int> cuts, BodyFraming framing, ArrayBufferWriter<byte> output)
    {
        var reader = new BodyReader(new CountingPool(), HttpLimits.Default);
        var writer = new BodyWriter();
        reader.Start(framing);
        writer.Start(framing);
        var content = new ArrayBufferWriter<byte>();
        var outcome = BodyOutcome.NeedMore;
        var start = at;
        foreach (var available in cuts.Where(cut => cut > start && cut < bytes.Length).Append(bytes.Length))
        {
            do
            {
                var buffer = Pieces.Of(bytes, at, available, cuts);
                outcome = reader.Read(buffer, out var piece, out var consumed, out _);
                at += (int)(buffer.GetOffset(consumed) - buffer.GetOffset(buffer.Start));
                writer.Write(output, piece);
                content.Write(piece.ToArray());
            }
            while (outcome == BodyOutcome.Content);

            if (outcome != BodyOutcome.NeedMore)
            {
                break;
            }
        }

        if (outcome == BodyOutcome.NeedMore)
        {
            outcome = reader.EndOfInput();
        }

        if (outcome != BodyOutcome.Complete)
        {
            return new Message(null, $"{reader.Reason}", false);
        }

        writer.End(output, reader.Trailers);
        var trailers = Verdict.Describe(reader.Trailers);
        return new Message(
            $"\n{Verdict.Text(content.WrittenSpan)}|{trailers}", trailers.Length == 0 ? "whole" : "whole with trailers", true);
    }

    private delegate ParseOutcome Parse(in ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined);

    private static ParseOutcome Feed(byte[] bytes, ref int at, IReadOnlyList<int> cuts, Parse parse)
    {
        var start = at;
        foreach (var available in cuts.Where(cut => cut > start && cut < bytes.Length).Append(bytes.Length))
        {
            var buffer = Pieces.Of(bytes, at, available, cuts);
            var outcome = parse(buffer, out var consumed, out _);
            at += (int)(buffer.GetOffset(consumed) - buffer.GetOffset(buffer.Start));
            if (outcome != ParseOutcome.NeedMore)
            {
                return outcome;
            }
        }

        return ParseOutcome.NeedMore;
    }
}
