using System.Buffers;
using System.Text;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;

namespace Tunnel.Http.Tests.Wire;

/// <summary>Shows bytes to the parsers as a connection would, in whatever pieces, and checks the contract on the way.</summary>
internal static class Reading
{
    public static Verdict Request(string text, HttpLimits? limits = null) => Request(Verdict.Bytes.GetBytes(text), [], limits);

    public static Verdict Request(byte[] bytes, IReadOnlyList<int> cuts, HttpLimits? limits = null)
    {
        var pool = new CountingPool();
        var parser = new RequestHeadParser(limits ?? HttpLimits.Default);
        var head = new RequestHead(pool);
        var verdict = Head(
            bytes, cuts, parser,
            (in ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined) =>
                parser.Parse(buffer, head, out consumed, out examined),
            () => Verdict.Describe(head));
        head.Reset();
        pool.Outstanding.Should().Be(0);
        return verdict;
    }

    public static Verdict Response(string text, RequestMethod method = RequestMethod.Get) =>
        Response(Verdict.Bytes.GetBytes(text), [], method);

    public static Verdict Response(byte[] bytes, IReadOnlyList<int> cuts, RequestMethod method = RequestMethod.Get)
    {
        var pool = new CountingPool();
        var parser = new ResponseHeadParser(HttpLimits.Default);
        var head = new ResponseHead(pool);
        var verdict = Head(
            bytes, cuts, parser,
            (in ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined) =>
                parser.Parse(buffer, head, method, out consumed, out examined),
            () => Verdict.Describe(head));
        head.Reset();
        pool.Outstanding.Should().Be(0);
        return verdict;
    }

    public static Verdict Chunked(string text, HttpLimits? limits = null) =>
        Body(Verdict.Bytes.GetBytes(text), [], BodyFraming.Chunked, limits);

    /// <summary>Reads a body to its end; the model is its content, then its trailers.</summary>
    public static Verdict Body(byte[] bytes, IReadOnlyList<int> cuts, BodyFraming framing, HttpLimits? limits = null)
    {
        var pool = new CountingPool();
        var reader = new BodyReader(pool, limits ?? HttpLimits.Default);
        reader.Start(framing);
        var content = new StringBuilder();
        var at = 0;
        var outcome = BodyOutcome.NeedMore;
        foreach (var available in cuts.Where(cut => cut > 0 && cut < bytes.Length).Append(bytes.Length))
        {
            do
            {
                var buffer = Pieces.Of(bytes, at, available, cuts);
                outcome = reader.Read(buffer, out var piece, out var consumed, out var examined);
                var taken = buffer.GetOffset(consumed) - buffer.GetOffset(buffer.Start);
                CheckPositions(buffer, consumed, examined);
                content.Append(Verdict.Text(piece.ToArray()));
                at += (int)taken;
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

        reader.IsComplete.Should().Be(outcome == BodyOutcome.Complete);
        var rejected = outcome == BodyOutcome.Rejected;
        var verdict = new Verdict(
            outcome.ToString(), reader.Reason, rejected ? 0 : at,
            rejected ? "" : content + "|" + Verdict.Describe(reader.Trailers));
        reader.Reset();
        pool.Outstanding.Should().Be(0);
        return verdict;
    }

    private delegate ParseOutcome Parse(
        in ReadOnlySequence<byte> buffer, out SequencePosition consumed, out SequencePosition examined);

    private static Verdict Head(
        byte[] bytes, IReadOnlyList<int> cuts, LineParser parser, Parse parse, Func<string> describe)
    {
        foreach (var available in cuts.Where(cut => cut > 0 && cut < bytes.Length).Append(bytes.Length))
        {
            var buffer = Pieces.Of(bytes, 0, available, cuts);
            var outcome = parse(buffer, out var consumed, out var examined);
            CheckPositions(buffer, consumed, examined);
            var taken = (int)buffer.Slice(buffer.Start, consumed).Length;
            switch (outcome)
            {
                case ParseOutcome.Complete:
                    buffer.Slice(consumed, examined).IsEmpty.Should().BeTrue();
                    return new Verdict("Complete", parser.Reason, taken, describe());
                case ParseOutcome.Rejected:
                    parser.Reason.Should().NotBe(RejectReason.None);
                    return new Verdict("Rejected", parser.Reason, 0, "");
                default:
                    taken.Should().Be(0);
                    buffer.Slice(examined).IsEmpty.Should().BeTrue();
                    break;
            }
        }

        return new Verdict("NeedMore", parser.Reason, 0, "");
    }

    private static void CheckPositions(
        in ReadOnlySequence<byte> buffer, SequencePosition consumed, SequencePosition examined)
    {
        // Slice throws when a position lies outside or the two are in the wrong order.
        _ = buffer.Slice(consumed, examined);
        _ = buffer.Slice(examined);
    }
}
