using System.Buffers;
using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Cost;

public class LinearityTests
{
    /// <summary>
    /// A head that arrives byte by byte is copied into the page once: were it read anew with each byte, the page would have
    /// to hold it many times over, and would be rented anew.
    /// </summary>
    [Fact]
    public void Head_ByteByByte_IsTakenOnce()
    {
        var bytes = Verdict.Bytes.GetBytes("GET / HTTP/1.1\r\nHost: a\r\nX: " + new string('x', 30_000) + "\r\n\r\n");
        var pool = new CountingPool();
        var head = new RequestHead(pool);
        var parser = new RequestHeadParser(HttpLimits.Default);
        for (var length = 1; length < bytes.Length; length++)
        {
            parser.Parse(new ReadOnlySequence<byte>(bytes, 0, length), head, out _, out _).Should().Be(ParseOutcome.NeedMore);
        }

        parser.Parse(new ReadOnlySequence<byte>(bytes), head, out _, out _).Should().Be(ParseOutcome.Complete);
        pool.Rented.Should().Be(4, "the page grows from 4 KiB by doubling and is filled once");
        head.Reset();
        pool.Outstanding.Should().Be(0);
    }
}
