using System.Buffers;
using System.Text;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Fuzz;

/// <summary>
/// What must hold of any bytes: no exception, positions in order (checked by <see cref="Reading"/>), no buffer kept, one
/// verdict for every cut, and an accepted message that is written and read again means the same.
/// </summary>
internal static class Invariants
{
    /// <returns>What became of the input, for whoever looks for rare cases.</returns>
    public static string Request(byte[] bytes, IReadOnlyList<int> cuts)
    {
        var whole = Reading.Request(bytes, []);
        Reading.Request(bytes, cuts).Should().Be(whole);
        Reading.Request(bytes, Pieces.EveryByte(bytes.Length)).Should().Be(whole);
        if (whole.Outcome != "Complete")
        {
            return $"{whole.Outcome} {whole.Reason}";
        }

        var head = Writing.Request(bytes);
        if (head.IsConnect || head.Authority.IsEmpty)
        {
            // Neither is ever sent on: CONNECT is refused, and without a name there is no tunnel.
            return "unserved";
        }

        var written = Writing.Bytes(head);
        var again = Writing.Request(written);
        CheckCanonical(written);
        head.Target.ContainsAnyExceptInRange((byte)'!', (byte)'~').Should().BeFalse("a raw byte may be a blank to somebody");
        if (head.Version == ProtocolVersion.Http11)
        {
            Verdict.DescribeMeaning(again).Should().Be(Verdict.DescribeMeaning(head));
            again.KeepAlive.Should().Be(head.KeepAlive);
        }

        Writing.Bytes(again).Should().Equal(written);

        HopByHop.Remove(head.Headers);
        head.Headers.RemoveAliases();
        foreach (var field in head.Headers)
        {
            HeaderSet.NotToImitate.Contains(KnownHeaders.FindAlias(field.Name)).Should().BeFalse();
        }

        var forwarded = Writing.Request(Writing.Bytes(head));
        forwarded.Headers.Contains(KnownHeader.Connection).Should().BeFalse();
        forwarded.Headers.Contains(KnownHeader.Upgrade).Should().BeFalse();
        forwarded.Framing.Should().Be(head.Framing);
        forwarded.HostName.SequenceEqual(head.HostName).Should().BeTrue();
        return $"{head.Method} {head.TargetForm} {head.Version} {head.Framing.Kind} {head.KeepAlive} {head.ExpectsContinue} {head.WantsUpgrade} {Fields(head.Headers)}";
    }

    public static string Response(byte[] bytes, IReadOnlyList<int> cuts, RequestMethod method)
    {
        var whole = Reading.Response(bytes, [], method);
        Reading.Response(bytes, cuts, method).Should().Be(whole);
        Reading.Response(bytes, Pieces.EveryByte(bytes.Length), method).Should().Be(whole);
        if (whole.Outcome != "Complete")
        {
            return $"{whole.Outcome} {whole.Reason}";
        }

        var head = Writing.Response(bytes, method);
        var written = Writing.Bytes(head);
        CheckCanonical(written);
        var again = Writing.Response(written, method);
        Verdict.DescribeMeaning(again).Should().Be(Verdict.DescribeMeaning(head));
        Writing.Bytes(again).Should().Equal(written);
        if (head.Headers.CountOf(KnownHeader.ContentLength) > 1 || (head.Status == 204 && head.Headers.Contains(KnownHeader.TransferEncoding)))
        {
            head.KeepAlive.Should().BeFalse("what is framed against the rules is read, and trusted no further");
        }

        return $"{head.Status / 100} {head.Version} {head.Framing.Kind} {head.KeepAlive} {head.IsSwitch} {Fields(head.Headers)}";
    }

    public static string Chunked(byte[] bytes, IReadOnlyList<int> cuts)
    {
        var whole = Reading.Body(bytes, [], BodyFraming.Chunked);
        Reading.Body(bytes, cuts, BodyFraming.Chunked).Should().Be(whole);
        Reading.Body(bytes, Pieces.EveryByte(bytes.Length), BodyFraming.Chunked).Should().Be(whole);
        var outline = $"{whole.Outcome} {whole.Reason} {whole.Model.Length} {whole.Model.Count(static letter => letter == '\n')}";
        if (whole.Outcome != "Complete")
        {
            return outline;
        }

        var split = whole.Model.LastIndexOf('|');
        var content = whole.Model.Contains("||", StringComparison.Ordinal) ? null : whole.Model[..split];
        if (content is null || split != whole.Model.IndexOf('|', StringComparison.Ordinal))
        {
            return outline;
        }

        var trailers = new HeaderList(new CountingPool());
        foreach (var line in whole.Model[(split + 1)..].Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var field = line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..].Split(": ", 2);
            trailers.Add(Verdict.Bytes.GetBytes(field[0]), Verdict.Bytes.GetBytes(field[1]));
        }

        var written = Writing.Chunks(content, trailers);
        Reading.Chunked(written).Should().Be(whole with { Consumed = written.Length });
        return outline;
    }

    /// <summary>
    /// A body on its way through the edge: taken out of its framing and put into another, in pieces. Read again it is the
    /// same content with the same trailers; what was refused or cut off never has an end.
    /// </summary>
    public static string Reframed(byte[] bytes, IReadOnlyList<int> cuts, BodyFraming from, BodyFraming to)
    {
        var whole = Reading.Body(bytes, [], from);
        var output = new ArrayBufferWriter<byte>();
        var outcome = Writing.Reframe(bytes, cuts, from, to, output);
        outcome.ToString().Should().Be(whole.Outcome);
        if (outcome != BodyOutcome.Complete)
        {
            if (to.Kind == BodyKind.Chunked)
            {
                Reading.Body(output.WrittenSpan.ToArray(), [], to).Reason.Should().Be(RejectReason.BodyTruncated);
            }

            return $"{whole.Reason} {output.WrittenCount}";
        }

        if (to.Kind == BodyKind.Chunked)
        {
            Reading.Body(output.WrittenSpan.ToArray(), [], to).Should().Be(whole with { Consumed = output.WrittenCount });
        }
        else
        {
            // There is no place for trailers.
            whole.Model.Should().StartWith(Verdict.Text(output.WrittenSpan) + "|");
        }

        return $"{from.Kind} {to.Kind} {whole.Model.Length}";
    }

    private static string Fields(HeaderList headers)
    {
        var ids = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var field in headers)
        {
            ids.Add(field.Id.ToString());
        }

        return string.Join(',', ids);
    }

    /// <summary>The crudest of readings agrees: lines end in CRLF, and no other CR, LF or NUL exists.</summary>
    private static void CheckCanonical(byte[] written)
    {
        var text = Encoding.Latin1.GetString(written);
        text.Should().EndWith("\r\n\r\n");
        text.Replace("\r\n", "", StringComparison.Ordinal).Should().NotContainAny("\r", "\n", "\0");
        text[..^4].Should().NotContain("\r\n\r\n");
        text.Split("\r\n")[1..^2].All(static line => line.IndexOf(':', StringComparison.Ordinal) > 0).Should().BeTrue();
    }
}
