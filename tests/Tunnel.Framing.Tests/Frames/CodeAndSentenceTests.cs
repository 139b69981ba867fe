using System.Buffers;
using System.Text;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Tests.Frames;

public sealed class CodeAndSentenceTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a sentence", "a sentence")]
    [InlineData("Umläute und 絵文字 🚇", "Umläute und 絵文字 🚇")]
    public void Sentence_WrittenAndRead_IsText(string written, string read) => RoundTrip(written).Should().Be(read);

    [Fact]
    public void Sentence_WithHalfACharacter_IsStillUtf8() =>
        RoundTrip("half " + (char)0xD83D + " a character").Should().Be("half " + (char)0xFFFD + " a character");

    [Theory]
    [InlineData(511, "ä", 511)]
    [InlineData(510, "ä", 512)]
    [InlineData(510, "絵", 510)]
    [InlineData(509, "🚇", 509)]
    [InlineData(508, "🚇", 512)]
    [InlineData(512, "x", 512)]
    public void Sentence_TooLong_IsCutBetweenCharacters(int ascii, string last, int bytes)
    {
        string sentence = new string('a', ascii) + last + "and more";
        string read = RoundTrip(sentence);
        Encoding.UTF8.GetByteCount(read).Should().Be(bytes);
        sentence.Should().StartWith(read);
    }

    [Theory]
    [InlineData("00")]
    [InlineData("")]
    [InlineData("0001C328")]
    [InlineData("0001EDA080")]
    [InlineData("0001C0AF")]
    [InlineData("0001F0")]
    public void Read_WhatIsNoSentence_IsMalformed(string hex) =>
        FluentActions.Invoking(() => CodeAndSentence.Read(new ReadOnlySequence<byte>(Convert.FromHexString(hex))))
            .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.MalformedPayload);

    [Fact]
    public void Read_OverTheLimit_IsMalformed() =>
        FluentActions.Invoking(() => CodeAndSentence.Read(new ReadOnlySequence<byte>(new byte[515])))
            .Should().Throw<ProtocolViolationException>();

    private static string RoundTrip(string sentence)
    {
        byte[] bytes = new byte[CodeAndSentence.MostSize];
        int length = CodeAndSentence.Write(bytes, 7, sentence);
        (ushort code, string text) = CodeAndSentence.Read(new ReadOnlySequence<byte>(bytes, 0, length));
        code.Should().Be(7);
        return text;
    }
}
