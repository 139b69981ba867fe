using System.Globalization;
using System.Text;
using Tunnel.Hosting.Acme;
using Tunnel.TestSupport;

namespace Tunnel.Hosting.Tests.Acme;

/// <summary>All that a CA writes, good and bad: what can be read is, and nothing else comes of the rest than a word that says so.</summary>
public sealed class AcmeDocumentTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly UrlRule Urls = new(new Uri("https://ca.test/dir"));

    [Theory]
    [InlineData("0", 0)]
    [InlineData("120", 120)]
    [InlineData(" 7 ", 7)]
    [InlineData("99999999999999999999999", 604_800)]
    [InlineData("604801", 604_800)]
    [InlineData("Sun, 01 Mar 2026 12:01:00 GMT", 60)]
    [InlineData("Sunday, 01-Mar-26 12:02:00 GMT", 120)]
    [InlineData("Sun Mar  1 12:03:00 2026", 180)]
    [InlineData("Sun, 01 Mar 2026 11:00:00 GMT", 0)]
    [InlineData("Fri, 01 Mar 2126 12:00:00 GMT", 604_800)]
    [InlineData("-1", null)]
    [InlineData("1.5", null)]
    [InlineData("soon", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    [InlineData("Sun, 32 Mar 2026 12:00:00 GMT", null)]
    public void RetryAfter_InEitherForm_IsReadAndBounded(string? value, int? seconds) =>
        RetryAfter.Read(value, Now).Should().Be(seconds is { } number ? TimeSpan.FromSeconds(number) : null);

    [Theory]
    [InlineData("""{"type":"urn:ietf:params:acme:error:rateLimited","detail":"Too many."}""", "rateLimited", "Too many (rateLimited).")]
    [InlineData("""{"type":"about:blank","detail":"Odd."}""", "", "Odd.")]
    [InlineData("""{"detail":"a\u001b[31mb\nc"}""", "", "a?[31mb?c.")]
    [InlineData("""{"type":"urn:ietf:params:acme:error:../../x","detail":"d"}""", "", "d.")]
    [InlineData("""{"type":"urn:ietf:params:acme:error:compound","detail":"Several.","subproblems":[{"type":"urn:ietf:params:acme:error:caa","detail":"No.","identifier":{"type":"dns","value":"a.test"}}]}""", "caa", "Several. a.test: No (caa).")]
    [InlineData("""{"type":"urn:ietf:params:acme:error:dns","subproblems":[null]}""", "dns", " (dns).")]
    public void Problem_ThatSaysSomething_IsReadForALog(string json, string type, string text)
    {
        AcmeProblem problem = AcmeProblem.Read(Encoding.UTF8.GetBytes(json))!;
        problem.Type.Should().Be(type);
        problem.ToString().Should().Be(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"x\"")]
    [InlineData("{\"type\":1}")]
    [InlineData("{\"type\":")]
    [InlineData("<html>Bad Gateway</html>")]
    [InlineData("{\"subproblems\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}")]
    public void Problem_ThatIsNone_IsNone(string json) => AcmeProblem.Read(Encoding.UTF8.GetBytes(json)).Should().BeNull();

    [Fact]
    public void Problem_ThatIsLong_IsCut() =>
        AcmeProblem.Read(Encoding.UTF8.GetBytes($"{{\"detail\":\"{new string('x', 100_000)}\"}}"))!.Detail.Length.Should().BeLessThan(1000);

    [Theory]
    [InlineData("""{"suggestedWindow":{"start":"2026-03-02T00:00:00Z","end":"2026-03-03T00:00:00Z"},"explanationURL":"https://ca.test/why"}""", true)]
    [InlineData("""{"suggestedWindow":{"start":"2026-03-02T02:00:00+02:00","end":"2026-03-03T00:00:00.5Z"}}""", true)]
    [InlineData("""{"suggestedWindow":{"start":"2026-03-03T00:00:00Z","end":"2026-03-02T00:00:00Z"}}""", false)]
    [InlineData("""{"suggestedWindow":{"start":"2026-03-03T00:00:00Z","end":"2026-03-03T00:00:00Z"}}""", false)]
    [InlineData("""{"suggestedWindow":{"start":"2026-03-02T00:00:00Z"}}""", false)]
    [InlineData("""{"suggestedWindow":{"start":"yesterday","end":"tomorrow"}}""", false)]
    [InlineData("""{"suggestedWindow":[]}""", false)]
    [InlineData("{}", false)]
    [InlineData("", false)]
    public void Window_ForRenewal_IsReadOrThereIsNone(string json, bool isWindow)
    {
        RenewalInfo? window = RenewalInfo.Read(Encoding.UTF8.GetBytes(json), null);
        (window is not null).Should().Be(isWindow);
        if (window is not null)
        {
            window.Start.Should().Be(DateTimeOffset.Parse("2026-03-02T00:00:00Z", CultureInfo.InvariantCulture));
        }
    }

    [Theory]
    [InlineData(null, 21_600)]
    [InlineData(0, 60)]
    [InlineData(7200, 7200)]
    [InlineData(604_800, 86_400)]
    public void Window_IsAskedForAgainWithinBounds(int? named, int seconds) =>
        RenewalInfo.Read("""{"suggestedWindow":{"start":"2026-03-02T00:00:00Z","end":"2026-03-03T00:00:00Z"}}"""u8, named is { } number ? TimeSpan.FromSeconds(number) : null)!
            .AskAgain.Should().Be(TimeSpan.FromSeconds(seconds));

    [Theory]
    [InlineData("https://ca.test/x", true)]
    [InlineData("https://other.test:444/x?y", true)]
    [InlineData("http://ca.test/x", false)]
    [InlineData("http://127.0.0.1/x", false)]
    [InlineData("https://me:secret@ca.test/x", false)]
    [InlineData("/x", false)]
    [InlineData("file:///etc/passwd", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Address_OfAnAuthorityFarAway_IsFollowedByHttpsAlone(string? text, bool isFollowed) => (Urls.Find(text) is not null).Should().Be(isFollowed);

    [Theory]
    [InlineData("http://127.0.0.1:5000/x", true)]
    [InlineData("http://localhost/x", true)]
    [InlineData("https://ca.test/x", true)]
    [InlineData("http://ca.test/x", false)]
    public void Address_OfAnAuthorityOnThisMachine_MayBePlain(string text, bool isFollowed) =>
        (new UrlRule(new Uri("http://localhost:14000/dir")).Find(text) is not null).Should().Be(isFollowed);

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("<html>")]
    [InlineData("""{"newNonce":"https://ca.test/n","newAccount":"https://ca.test/a"}""")]
    [InlineData("""{"newNonce":"http://ca.test/n","newAccount":"https://ca.test/a","newOrder":"https://ca.test/o"}""")]
    [InlineData("""{"newNonce":1,"newAccount":"https://ca.test/a","newOrder":"https://ca.test/o"}""")]
    public void Directory_ThatIsNone_IsSaidToBeNone(string json) =>
        FluentActions.Invoking(() => AcmeDirectory.Read(Encoding.UTF8.GetBytes(json), Urls)).Should().Throw<AcmeException>().Where(error => error.Fault == AcmeFault.Nonsense);

    [Theory]
    [InlineData("""{"status":"odd"}""")]
    [InlineData("""{"status":"valid","authorizations":["http://ca.test/x"]}""")]
    [InlineData("""{"status":"valid","authorizations":[null]}""")]
    [InlineData("""{"authorizations":[]}""")]
    [InlineData("null")]
    [InlineData("{")]
    public void Order_ThatCannotBeRead_IsSaidToBeSo(string json) =>
        FluentActions.Invoking(() => AcmeOrder.Read(new Uri("https://ca.test/o/1"), Encoding.UTF8.GetBytes(json), null, Urls))
            .Should().Throw<AcmeException>().Where(error => error.Fault == AcmeFault.Nonsense);

    [Fact]
    public void Challenges_OfWhichWeKnowNothing_AreSkipped()
    {
        string json = """
            {"status":"pending","identifier":{"type":"dns","value":"Tunnel.Test"},"challenges":[null,{"type":"dns-persist-01"},{"type":"http-01","url":"http://ca.test/c","token":"t"},
             {"type":"http-01","url":"https://ca.test/c","token":"../t"},{"type":"http-01","url":"https://ca.test/c","token":"abc_-9"}]}
            """;
        AcmeAuthorization authorization = AcmeAuthorization.Read(Encoding.UTF8.GetBytes(json), null, Urls);
        authorization.Name.Should().Be("tunnel.test");
        authorization.Challenges.Should().ContainSingle().Which.Token.Should().Be("abc_-9");
    }

    [Theory]
    [InlineData("kid-1:zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W", true)]
    [InlineData("kid:with:colons:YWJj", true)]
    [InlineData("kid:YWI=", true)]
    [InlineData("kid:", false)]
    [InlineData(":YWJj", false)]
    [InlineData("YWJj", false)]
    [InlineData("kid:not base64", false)]
    public void ExternalAccount_IsAnIdAndAKey(string text, bool isOne) => (ExternalAccount.Read(text) is not null).Should().Be(isOne);

    /// <summary>Whatever bytes come: it is read, or said to be none; nothing else is thrown, and nothing unprintable comes out.</summary>
    [Fact]
    public void Documents_OfAnyBytes_ThrowNothingElse()
    {
        string[] good =
        [
            """{"newNonce":"https://ca.test/n","newAccount":"https://ca.test/a","newOrder":"https://ca.test/o","meta":{"profiles":{"a":"b"},"termsOfService":"x"}}""",
            """{"status":"pending","authorizations":["https://ca.test/z"],"finalize":"https://ca.test/f","error":{"type":"urn:ietf:params:acme:error:dns","detail":"x"}}""",
            """{"status":"invalid","identifier":{"type":"dns","value":"a.test"},"challenges":[{"type":"http-01","url":"https://ca.test/c","token":"t","status":"invalid","error":{"detail":"x"}}]}""",
            """{"suggestedWindow":{"start":"2026-03-02T00:00:00Z","end":"2026-03-03T00:00:00Z"}}""",
            """{"type":"urn:ietf:params:acme:error:caa","detail":"x","subproblems":[{"type":"y","detail":"z"}]}""",
        ];
        foreach (int seed in Fuzzing.Seeds(3000))
        {
            var random = new Random(seed);
            byte[] bytes = Fuzzing.Mutate(random, [.. good.Select(Encoding.UTF8.GetBytes)]);
            foreach (Action read in (Action[])
            [
                () => AcmeDirectory.Read(bytes, Urls),
                () => AcmeOrder.Read(new Uri("https://ca.test/o"), bytes, null, Urls),
                () => AcmeAuthorization.Read(bytes, null, Urls),
            ])
            {
                try
                {
                    read();
                }
                catch (AcmeException error)
                {
                    error.Fault.Should().Be(AcmeFault.Nonsense);
                }
            }

            RenewalInfo.Read(bytes, null);
            AcmeProblem.Read(bytes)?.ToString().Should().NotMatchRegex("[^ -~]", "seed {0}", seed);
            RetryAfter.Read(Encoding.Latin1.GetString(bytes), Now)?.Should().BeLessThanOrEqualTo(RetryAfter.Longest);
        }
    }
}
