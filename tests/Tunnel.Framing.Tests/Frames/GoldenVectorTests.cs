using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Tests.Frames;

/// <summary>The byte vectors of docs/protocol.md, read from the page itself.</summary>
public sealed partial class GoldenVectorTests
{
    private static readonly string Page = File.ReadAllText(
        Path.Combine(Path.GetDirectoryName(Here())!, "../../../docs/protocol.md"));

    public static TheoryData<string, string> Vectors()
    {
        var vectors = new TheoryData<string, string>();
        foreach (Match match in Fence().Matches(Page))
        {
            vectors.Add(match.Groups["name"].Value, Blank().Replace(match.Groups["hex"].Value, ""));
        }

        return vectors;
    }

    [Fact]
    public void Page_HasVectors_OfEveryForm() =>
        Vectors().Select(row => row[0]).Should().Contain(
            ["ping", "ack-65544", "close-flood", "credit-128k", "reset-origin-refused", "data-fin-hello", "reject-draining", "open-get-fin",
             "open-login-fin", "open-login-of-many-fin", "open-connection-ended-fin", "read-open-extensions-fin", "bind-waiting-page", "bound-demo",
             "unbound-name-conflict", "welcome-laptop", "bind-if-free", "bound-yours"]);

    /// <summary>Those that are written as well: not what a later version has added.</summary>
    public static TheoryData<string, string> WrittenVectors()
    {
        var vectors = new TheoryData<string, string>();
        foreach (object[] row in Vectors().Where(row => !((string)row[0]).StartsWith("read-", StringComparison.Ordinal)))
        {
            vectors.Add((string)row[0], (string)row[1]);
        }

        return vectors;
    }

    [Theory]
    [MemberData(nameof(WrittenVectors))]
    public void Vector_DecodedAndEncodedAgain_IsTheSame(string name, string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        var buffer = new ReadOnlySequence<byte>(bytes);
        FrameReader.TryRead(ref buffer, SenderOf(name), out FrameHeader header, out ReadOnlySequence<byte> payload)
            .Should().BeTrue("\"{0}\" is one whole frame", name);
        buffer.IsEmpty.Should().BeTrue();

        byte[] again = new byte[header.FrameSize];
        header.Write(again);
        Encode(header, payload).CopyTo(again, FrameHeader.Size);
        again.Should().Equal(bytes);
    }

    [Fact]
    public void Vectors_Decoded_SayWhatThePageSays()
    {
        Payload("ping", out _).Should().Equal(1, 2, 3, 4, 5, 6, 7, 8);
        BinaryPrimitives.ReadUInt64BigEndian(Payload("ack-65544", out _)).Should().Be(65_544);
        CodeAndSentence.Read(new(Payload("close-flood", out _))).Should().Be(((ushort)CloseCode.Flood, "too many!"));
        BinaryPrimitives.ReadUInt32BigEndian(Payload("credit-128k", out FrameHeader credit)).Should().Be(128 * 1024);
        credit.StreamId.Should().Be(6);
        CodeAndSentence.Read(new(Payload("reset-origin-refused", out _)))
            .Should().Be(((ushort)ResetCode.OriginRefused, "connection refused"));
        Payload("data-fin-hello", out FrameHeader data).Should().Equal("hello"u8.ToArray());
        data.IsFin.Should().BeTrue();
        JsonMessages.Read<RejectMessage>(new(Payload("reject-draining", out _))).Should().Be(
            new RejectMessage { Code = RejectCodes.Draining, Message = "the server is restarting", Retry = true });

        JsonMessages.Read<TunnelRequest>(new(Payload("bind-waiting-page", out _))).Should().Be(
            new TunnelRequest { Id = 1, Type = TunnelTypes.Http, Subdomain = "demo", WaitingPage = true });
        JsonMessages.Read<BoundMessage>(new(Payload("bound-demo", out _))).ToGrant().Should().Be(new TunnelGrant(3, "demo.tunnel.com", "https://demo.tunnel.com"));
        JsonMessages.Read<UnboundMessage>(new(Payload("unbound-name-conflict", out _))).Should().Be(
            new UnboundMessage { Id = 3, Code = RejectCodes.NameConflict, Message = "taken" });

        JsonMessages.Read<WelcomeMessage>(new(Payload("welcome-laptop", out _))).Should().Be(new WelcomeMessage
        {
            Version = 1,
            Software = "tunnel-server/1.0",
            Session = "0123456789abcdef0123456789abcdef",
            ResumeWindow = 60_000,
            Time = 1_790_000_000,
            Token = "laptop",
            Streams = 1024,
            UploadWindow = 32_768,
        });
        JsonMessages.Read<TunnelRequest>(new(Payload("bind-if-free", out _))).Should().Be(
            new TunnelRequest { Id = 1, Type = TunnelTypes.Http, Subdomain = "demo", IfFree = true });
        JsonMessages.Read<BoundMessage>(new(Payload("bound-yours", out _))).Should().Be(
            new BoundMessage { Id = 1, Code = RejectCodes.NameConflict, Message = "since 10:00", Retry = true, Yours = true });

        OpenHeader open = OpenHeader.Read(new(Payload("open-get-fin", out FrameHeader header)), out ReadOnlySequence<byte> first);
        header.IsFin.Should().BeTrue();
        open.Should().Be(new OpenHeader(
            StreamType.Http,
            VisitorScheme.Http,
            1,
            VisitorAddress.From(System.Net.IPEndPoint.Parse("203.0.113.7:40000")),
            ProtocolLimits.FirstAnswerWindow,
            RequestTraits.IsIdempotent));
        first.ToArray().Should().Equal("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"u8.ToArray());

        OpenHeader many = open with { Request = RequestTraits.IsIdempotent | RequestTraits.HasConnectionLogin };
        Open("open-login-fin", out first).Should().Be(many with { Connection = 258 });
        first.Length.Should().Be(32);
        Open("open-login-of-many-fin", out _).Should().Be(many);
        Open("open-connection-ended-fin", out first).Should().Be(
            new OpenHeader(StreamType.Http, VisitorScheme.None, 1, default, ProtocolLimits.FirstAnswerWindow, RequestTraits.ConnectionEnded) { Connection = 258 });
        first.IsEmpty.Should().BeTrue();
        Open("read-open-extensions-fin", out first).Should().Be(new OpenHeader(
            StreamType.Http, VisitorScheme.Http, 1, default, ProtocolLimits.FirstAnswerWindow, RequestTraits.IsIdempotent | RequestTraits.HasConnectionLogin)
        {
            Connection = 258,
        });
        first.IsEmpty.Should().BeTrue("extensions are none of the stream's bytes");
    }

    private static byte[] Encode(FrameHeader header, in ReadOnlySequence<byte> payload)
    {
        switch (header.Kind)
        {
            case FrameKind.Reset or FrameKind.Close:
                byte[] sentence = new byte[CodeAndSentence.MostSize];
                (ushort code, string text) = CodeAndSentence.Read(payload);
                return sentence[..CodeAndSentence.Write(sentence, code, text)];
            case FrameKind.Open:
                OpenHeader open = OpenHeader.Read(payload, out ReadOnlySequence<byte> first);
                byte[] bytes = new byte[open.Size + first.Length];
                open.Write(bytes);
                first.CopyTo(bytes.AsSpan(open.Size));
                return bytes;
            case FrameKind.Welcome:
                return JsonMessages.Write(JsonMessages.Read<WelcomeMessage>(payload));
            case FrameKind.Reject:
                return JsonMessages.Write(JsonMessages.Read<RejectMessage>(payload));
            case FrameKind.Bind:
                return JsonMessages.Write(JsonMessages.Read<TunnelRequest>(payload));
            case FrameKind.Bound:
                return JsonMessages.Write(JsonMessages.Read<BoundMessage>(payload));
            case FrameKind.Unbound:
                return JsonMessages.Write(JsonMessages.Read<UnboundMessage>(payload));
            default:
                return payload.ToArray();
        }
    }

    private static OpenHeader Open(string name, out ReadOnlySequence<byte> first) => OpenHeader.Read(new(Payload(name, out _)), out first);

    private static byte[] Payload(string name, out FrameHeader header)
    {
        string hex = (string)Vectors().Single(row => (string)row[0] == name)[1];
        var buffer = new ReadOnlySequence<byte>(Convert.FromHexString(hex));
        FrameReader.TryRead(ref buffer, SenderOf(name), out header, out ReadOnlySequence<byte> payload).Should().BeTrue();
        return payload.ToArray();
    }

    private static LinkRole SenderOf(string name) => name.StartsWith("bind-", StringComparison.Ordinal) ? LinkRole.Agent : LinkRole.Server;

    private static string Here([CallerFilePath] string path = "") => path;

    [GeneratedRegex("^```golden (?<name>\\S+)\n(?<hex>[0-9a-fA-F\\s]+)```$", RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex("\\s")]
    private static partial Regex Blank();
}
