using System.Buffers;
using System.Text;
using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Tests.Frames;

public sealed class JsonMessageTests
{
    private const string Instance = "0123456789abcdef0123456789abcdef";
    private const string Proof = Instance + Instance;

    public static TheoryData<string> GoodHellos() => new()
    {
        Hello(),
        $$"""  {"version":1,"instance":"{{Instance}}"}  """,
        Hello(extra: ""","later":{"a":[1,2,{"b":null}]}"""),
        Hello(extra: ""","minVersion":1,"software":"tunnel-agent/0.1.0","token":"t" """),
        Hello(extra: ""","features":[],"streams":1,"uploadWindow":32768"""),
        Hello(extra: $",\"features\":[\"of-a-later-version\",\"x\",\"x\",\"{new string('f', 32)}\"],\"streams\":65535,\"uploadWindow\":8388608"),
        Hello(extra: $",\"features\":[{Features(32)}]"),
        $$"""{"version":2147483647,"instance":"{{Instance.ToUpperInvariant()}}","resume":{{Resume()}} }""",
    };

    [Theory]
    [MemberData(nameof(GoodHellos))]
    public void Hello_Good_IsReadAndWrittenAgain(string json)
    {
        HelloMessage hello = Read<HelloMessage>(json);
        Read<HelloMessage>(Encoding.UTF8.GetString(JsonMessages.Write(hello))).Should().BeEquivalentTo(hello);
    }

    public static TheoryData<string> BadHellos() => new()
    {
        "", " ", "null", "1", "[]", "\"x\"", "{}", "{", "{]", "\uFEFF" + Hello(),
        Hello() + "x", Hello() + "{}", Hello() + "/* */", "//\n" + Hello(), Hello().Replace("}", ",}"),
        Hello(version: "0"), Hello(version: "-1"), Hello(version: "1.5"), Hello(version: "\"1\""), Hello(version: "null"),
        Hello(version: "2147483648"), Hello(version: "1e99"), Hello(version: "true"), Hello(version: "[1]"),
        Hello(version: "1,\"version\":1"),
        Hello(extra: ""","minVersion":0"""), Hello(extra: ""","minVersion":2"""), Hello(extra: ""","minVersion":"1" """),
        Hello(instance: "null"), Hello(instance: "1"), Hello(instance: "\"\""), Hello(instance: $"\"{Instance}0\""),
        Hello(instance: $"\"{Instance[1..]}\""), Hello(instance: $"\"{Instance[1..]}g\""), Hello(instance: "\"\\ud800\""),
        Hello(extra: $",\"software\":\"{new string('s', 65)}\""), Hello(extra: $",\"token\":\"{new string('t', 1025)}\""),
        Hello(extra: ""","token":{}"""), Hello(extra: ""","token":["a"]"""), Hello(extra: ""","token":"a","token":"b" """),
        Hello(extra: ""","token":"\ud83d" """),
        $$"""{"version":1}""",
        $$"""{"instance":"{{Instance}}"}""",
        Hello(extra: ""","features":"a" """), Hello(extra: ""","features":[1]"""), Hello(extra: ""","features":[null]"""),
        Hello(extra: ""","features":[""]"""), Hello(extra: ""","features":["A"]"""), Hello(extra: ""","features":["a b"]"""),
        Hello(extra: ""","features":["ä"]"""), Hello(extra: $",\"features\":[\"{new string('f', 33)}\"]"),
        Hello(extra: $",\"features\":[{Features(33)}]"), Hello(extra: ""","features":[],"features":[]"""),
        Hello(extra: ""","streams":0"""), Hello(extra: ""","streams":65536"""), Hello(extra: ""","streams":"1" """),
        Hello(extra: ""","uploadWindow":32767"""), Hello(extra: ""","uploadWindow":8388609"""), Hello(extra: ""","uploadWindow":-1"""),
        Hello(extra: ""","deep":[[[[[[[[1]]]]]]]]"""),
        Hello(extra: ""","resume":{}"""), Hello(extra: ""","resume":1"""),
        Hello(extra: $",\"resume\":{Resume(attach: "0")}"), Hello(extra: $",\"resume\":{Resume(count: "-1")}"),
        Hello(extra: $",\"resume\":{Resume(proof: Instance)}"), Hello(extra: $",\"resume\":{Resume(session: "x")}"),
        Hello(extra: $",\"resume\":{Resume(attach: "9223372036854775808")}"),
    };

    [Theory]
    [MemberData(nameof(BadHellos))]
    public void Hello_Bad_IsMalformed(string json) => AssertMalformed<HelloMessage>(Encoding.UTF8.GetBytes(json));

    [Theory]
    [InlineData("""{"version":1,"instance":"0123456789abcdef0123456789abcdef","token":"?"}""")]
    [InlineData("""{"version":1,"instance":"0123456789abcdef0123456789abcdef","skipped":"?"}""")]
    public void Hello_NotUtf8_IsMalformed(string json)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(json);
        bytes[Array.IndexOf(bytes, (byte)'?')] = 0xFF;
        AssertMalformed<HelloMessage>(bytes);
    }

    public static TheoryData<string> BadWelcomes() => new()
    {
        "{}", Welcome(version: "0"), Welcome(session: "\"x\""), Welcome(session: "null"), Welcome(extra: ""","secret":"x" """),
        Welcome(extra: ""","resumeWindow":-1"""), Welcome(extra: ""","resumeWindow":2147483648"""), Welcome(extra: ""","count":-1"""),
        Welcome(extra: ""","features":["?"]"""), Welcome(extra: ""","streams":0"""), Welcome(extra: ""","uploadWindow":0"""),
        Welcome(extra: $",\"software\":\"{new string('s', 65)}\""), Welcome(extra: $",\"token\":\"{new string('s', 65)}\""), Welcome(extra: ""","token":5"""),
        Welcome(extra: ""","time":-1"""),
    };

    [Theory]
    [MemberData(nameof(BadWelcomes))]
    public void Welcome_Bad_IsMalformed(string json) => AssertMalformed<WelcomeMessage>(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void Welcome_Good_IsReadAndWrittenAgain()
    {
        WelcomeMessage welcome = Read<WelcomeMessage>(Welcome(extra: $",\"secret\":\"{Proof}\",\"resumeWindow\":60000,\"count\":5,\"time\":1790000000,\"token\":\"laptop\",\"features\":[\"a\"],\"streams\":9,\"uploadWindow\":65536"));
        Read<WelcomeMessage>(Encoding.UTF8.GetString(JsonMessages.Write(welcome))).Should().BeEquivalentTo(welcome);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"code":"x"}""")]
    [InlineData("""{"code":null,"message":""}""")]
    [InlineData("""{"code":"x","message":"y","retry":1}""")]
    [InlineData("""{"code":"x","message":"y","retryAfter":-1}""")]
    [InlineData("""{"code":"x","message":"y","retryAfter":2147483648}""")]
    public void Reject_Bad_IsMalformed(string json) => AssertMalformed<RejectMessage>(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void Reject_MessageTooLong_IsMalformed() =>
        AssertMalformed<RejectMessage>(Encoding.UTF8.GetBytes($$"""{"code":"x","message":"{{new string('m', 513)}}"}"""));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"reason":null}""")]
    [InlineData("""{"reason":1}""")]
    [InlineData("""{"reason":"x","delay":-1}""")]
    [InlineData("""{"reason":"x","grace":2147483648}""")]
    [InlineData("""{"reason":"x","reason":"y"}""")]
    [InlineData("""{"reason":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}""")]
    public void GoAway_Bad_IsMalformed(string json) => AssertMalformed<GoAwayMessage>(Encoding.UTF8.GetBytes(json));

    public static TheoryData<string> GoodBinds() => new()
    {
        """{"id":1,"type":"http"}""",
        """{"id":4294967295,"type":"http","subdomain":"demo","hostHeader":"localhost:8080","localOrigin":"http://localhost:8080","via":false,"x":1}""",
        """{"id":1,"type":"http","hostname":"a.test","pool":true,"kept":true,"waitingPage":true,"guard":{"deny":["10.0.0.0/8"]}}""",
        """{"id":1,"type":"http","headers":{"requestSet":["X-Env: dev"],"requestRemove":["Cookie"],"answerSet":["Cache-Control:no-store"],"answerRemove":["Server"]}}""",
        """{"id":1,"type":"tcp","port":65535}""",
    };

    [Theory]
    [MemberData(nameof(GoodBinds))]
    public void Bind_Good_IsReadAndWrittenAgain(string json)
    {
        TunnelRequest bind = Read<TunnelRequest>(json);
        Read<TunnelRequest>(Encoding.UTF8.GetString(JsonMessages.Write(bind))).Should().BeEquivalentTo(bind);
    }

    public static TheoryData<string> BadBinds() => new()
    {
        "", "null", "1", "[]", "{}", """{"id":1}""", """{"type":"http"}""",
        """{"id":0,"type":"http"}""", """{"id":-1,"type":"http"}""",
        """{"id":4294967296,"type":"http"}""", """{"id":1.0,"type":"http"}""",
        """{"id":"1","type":"http"}""", """{"id":1,"type":"udp"}""", """{"id":1,"type":null}""",
        """{"id":1,"type":"http","subdomain":"a","hostname":"b"}""",
        $$"""{"id":1,"type":"http","subdomain":"{{new string('a', 64)}}"}""",
        $$"""{"id":1,"type":"http","hostname":"{{new string('a', 254)}}"}""",
        """{"id":1,"type":"http","localOrigin":"localhost:8080"}""", """{"id":1,"type":"http","localOrigin":"http://a b"}""",
        """{"id":1,"type":"http","hostHeader":""}""", """{"id":1,"type":"http","hostHeader":"a b"}""",
        """{"id":1,"type":"http","hostHeader":"a\r\nX: y"}""", """{"id":1,"type":"http","hostHeader":"ä"}""",
        """{"id":1,"type":"http","via":"yes"}""", """{"id":1,"id":2,"type":"http"}""",
        """{"id":1,"type":"http","port":1}""", """{"id":1,"type":"tcp","port":0}""", """{"id":1,"type":"tcp","subdomain":"a"}""",
        """{"id":1,"type":"http","waitingPage":1}""", """{"id":1,"type":"tls","waitingPage":true}""",
        """{"id":1,"type":"tcp","headers":{"requestSet":["X-Env: dev"]}}""", """{"id":1,"type":"http","headers":{"requestSet":["X-Env"]}}""",
        """{"id":1,"type":"http","headers":{"requestSet":["Host: a"]}}""", """{"id":1,"type":"http","headers":{"requestRemove":["X-Forwarded-For"]}}""",
        """{"id":1,"type":"http","headers":{"requestSet":["X-Env: a\r\nHost: b"]}}""", """{"id":1,"type":"http","headers":{"answerSet":["Content-Length: 1"]}}""",
        """{"id":1,"type":"http","headers":{"answerRemove":["transfer-encoding"]}}""", """{"id":1,"type":"http","headers":{"answerSet":["Tunnel-Error: x"]}}""",
        """{"id":1,"type":"http","headers":{"requestSet":[null]}}""", """{"id":1,"type":"http","headers":{"requestRemove":["a b"]}}""",
        $$$"""{"id":1,"type":"http","headers":{"requestSet":["A: {{{new string('a', 8192)}}}"]}}""",
        $$$"""{"id":1,"type":"http","headers":{"requestRemove":[{{{string.Join(',', Enumerable.Repeat("\"A\"", 33))}}}]}}""",
        """{"id":1,"type":"http","guard":1}""", """{"id":1,"type":"http","guard":{"allow":[null]}}""",
        """{"id":1,"type":"http","guard":{"allow":["x"]}}""", """{"id":1,"type":"http","guard":{"users":["a:b"]}}""",
        """{"id":1,"type":"tcp","guard":{"users":["a:$2b$04$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234"]}}""",
    };

    [Theory]
    [MemberData(nameof(BadBinds))]
    public void Bind_Bad_IsMalformed(string json) => AssertMalformed<TunnelRequest>(Encoding.UTF8.GetBytes(json));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"id":0}""")]
    [InlineData("""{"id":null}""")]
    [InlineData("""{"id":4294967296}""")]
    public void AnswersOfTheServer_WithoutANumber_AreMalformed(string json)
    {
        AssertMalformed<BoundMessage>(Encoding.UTF8.GetBytes(json));
        AssertMalformed<UnbindMessage>(Encoding.UTF8.GetBytes(json));
        AssertMalformed<UnboundMessage>(Encoding.UTF8.GetBytes(json));
    }

    [Theory]
    [InlineData("""{"id":1}""")]
    [InlineData("""{"id":1,"name":"a"}""")]
    [InlineData("""{"id":1,"url":"a"}""")]
    [InlineData("""{"id":1,"name":"a","url":"b","code":"c","message":"d"}""")]
    [InlineData("""{"id":1,"code":"c"}""")]
    [InlineData("""{"id":1,"code":"ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","message":"d"}""")]
    [InlineData("""{"id":1,"code":"c","message":"d","retry":1}""")]
    public void Bound_ThatIsNeitherGrantNorRefusal_IsMalformed(string json) => AssertMalformed<BoundMessage>(Encoding.UTF8.GetBytes(json));

    [Theory]
    [InlineData("""{"id":1}""")]
    [InlineData("""{"id":1,"code":"c"}""")]
    [InlineData("""{"id":1,"code":null,"message":"d"}""")]
    [InlineData("""{"id":0,"code":"c","message":"d"}""")]
    public void Unbound_Bad_IsMalformed(string json) => AssertMalformed<UnboundMessage>(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void Unbound_Good_IsReadAndWrittenAgain()
    {
        var unbound = new UnboundMessage { Id = 3, Code = RejectCodes.NameConflict, Message = "taken" };
        Read<UnboundMessage>(Encoding.UTF8.GetString(JsonMessages.Write(unbound))).Should().Be(unbound);
    }

    [Fact]
    public void Bound_EitherWay_IsReadAndWrittenAgain()
    {
        foreach (BoundMessage bound in new BoundMessage[]
        {
            new() { Id = 1, TunnelName = "a", Url = "b" },
            new() { Id = 2, Code = RejectCodes.NameConflict, Message = "taken", Retry = true },
            new() { Id = 3, TunnelName = "a", Url = "b", SelfSigned = true, HasFront = true },
        })
        {
            Read<BoundMessage>(Encoding.UTF8.GetString(JsonMessages.Write(bound))).Should().Be(bound);
        }
    }

    [Fact]
    public void Fault_InTheMessage_DoesNotQuoteThePeer()
    {
        ProtocolViolationException violation = FluentActions
            .Invoking(() => Read<HelloMessage>("{\"version\":1,\"instance\":\"evil\\u001b[31m\"}"))
            .Should().Throw<ProtocolViolationException>().Which;
        violation.Message.Should().NotContain("evil").And.StartWith("HELLO");
    }

    private static string Hello(string version = "1", string instance = $"\"{Instance}\"", string extra = "") =>
        $$"""{"version":{{version}},"instance":{{instance}}{{extra}}}""";

    private static string Features(int count) => string.Join(',', Enumerable.Range(0, count).Select(number => $"\"f-{number}\""));

    private static string Resume(
        string session = Instance, string attach = "1", string count = "0", string proof = Proof) =>
        $$"""{"session":"{{session}}","attach":{{attach}},"count":{{count}},"proof":"{{proof}}"}""";

    private static string Welcome(string version = "1", string session = $"\"{Instance}\"", string extra = "") =>
        $$"""{"version":{{version}},"session":{{session}}{{extra}}}""";

    private static T Read<T>(string json)
        where T : class, IJsonMessage =>
        JsonMessages.Read<T>(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(json)));

    private static void AssertMalformed<T>(byte[] bytes)
        where T : class, IJsonMessage =>
        FluentActions.Invoking(() => JsonMessages.Read<T>(new ReadOnlySequence<byte>(bytes)))
            .Should().Throw<ProtocolViolationException>().Which.Code.Should().Be(CloseCode.MalformedPayload);
}
