using System.Buffers;
using Tunnel.Http.Bodies;
using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Bodies;

public class BodyWriterTests
{
    private readonly ArrayBufferWriter<byte> _output = new();
    private readonly BodyWriter _writer = new();

    [Fact]
    public void Chunked_Content_IsFramedAndEnded()
    {
        _writer.Start(BodyFraming.Chunked);
        _writer.Write(_output, "0123456789abcdef"u8);
        _writer.Write(_output, default(ReadOnlySpan<byte>));
        _writer.Write(_output, Pieces.Of("hello world"u8.ToArray(), 0, 11, [1, 2, 7]));
        _writer.End(_output);

        Verdict.Text(_output.WrittenSpan).Should().Be("10\r\n0123456789abcdef\r\nb\r\nhello world\r\n0\r\n\r\n");
    }

    [Fact]
    public void Chunked_Trailers_AreWritten()
    {
        var trailers = new HeaderList(new CountingPool());
        trailers.Add("Grpc-Status"u8, "0"u8);

        Writing.Chunks("x", trailers).Should().Be("1\r\nx\r\n0\r\nGrpc-Status: 0\r\n\r\n");
    }

    [Fact]
    public void Length_Exact_IsWrittenAsItIs()
    {
        _writer.Start(BodyFraming.OfLength(5));
        _writer.MayEnd.Should().BeFalse();
        _writer.Write(_output, "he"u8);
        _writer.Write(_output, "llo"u8);
        _writer.MayEnd.Should().BeTrue();
        _writer.End(_output);

        Verdict.Text(_output.WrittenSpan).Should().Be("hello");
    }

    [Fact]
    public void Length_Short_CannotEnd()
    {
        _writer.Start(BodyFraming.OfLength(5));
        _writer.Write(_output, "hell"u8);

        _writer.Invoking(writer => writer.End(_output)).Should().Throw<InvalidOperationException>();
    }

    [Theory]
    [InlineData(4)]
    [InlineData(0)]
    public void Length_Over_CannotBeWritten(long length)
    {
        _writer.Start(BodyFraming.OfLength(length));

        _writer.Invoking(writer => writer.Write(_output, "hello"u8)).Should().Throw<InvalidOperationException>();
        _output.WrittenCount.Should().Be(0);
    }

    [Fact]
    public void UntilClose_Content_IsWrittenRaw()
    {
        _writer.Start(BodyFraming.UntilClose);
        _writer.Write(_output, "hello"u8);
        _writer.End(_output);

        Verdict.Text(_output.WrittenSpan).Should().Be("hello");
    }

    [Fact]
    public void Content_WhereThereIsNoBody_CannotBeWritten()
    {
        _writer.Start(BodyFraming.Announced(5));

        _writer.Invoking(writer => writer.Write(_output, "h"u8)).Should().Throw<InvalidOperationException>();
        _writer.End(_output);
        _writer.Invoking(writer => writer.End(_output)).Should().Throw<InvalidOperationException>();
        _writer.Invoking(writer => writer.Write(_output, "h"u8)).Should().Throw<InvalidOperationException>();
    }
}
