using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Framing.Frames;
using Tunnel.Server.Forwarding;
using Tunnel.Server.Guards;
using Tunnel.Server.Identity;

namespace Tunnel.Server.Tests.Guards;

public sealed class VisitorGuardTests
{
    private static readonly string AliceHash = BCrypt.Net.BCrypt.HashPassword("open sesame", 4);
    private static readonly string BobHash = BCrypt.Net.BCrypt.HashPassword("pässwörd", 4);
    private static readonly IPAddress Visitor = IPAddress.Parse("203.0.113.7");
    private readonly PasswordChecks _passwords = new(new FakeTimeProvider());

    [Theory]
    [InlineData("", "", "203.0.113.7", true)]
    [InlineData("203.0.113.0/24", "", "203.0.113.7", true)]
    [InlineData("203.0.113.0/24", "", "::ffff:203.0.113.7", true)]
    [InlineData("203.0.113.0/24", "", "198.51.100.1", false)]
    [InlineData("203.0.113.0/24", "203.0.113.7", "203.0.113.7", false)]
    [InlineData("", "2001:db8::/32", "2001:db8::1", false)]
    [InlineData("", "2001:db8::/32", "2001:db9::1", true)]
    [InlineData("0.0.0.0/0", "", "2001:db8::1", false)]
    [InlineData("::/0", "", "203.0.113.7", false)]
    [InlineData("::ffff:203.0.113.0/120", "", "203.0.113.7", true)]
    public async Task Visitor_FromAnAddress_IsAdmittedByTheRules(string allow, string deny, string address, bool admitted)
    {
        VisitorGuard guard = Guard(new TunnelGuard { Allow = Split(allow), Deny = Split(deny) });

        EdgeError? refusal = await AskAsync(guard, IPAddress.Parse(address), []);

        refusal?.Code.Should().Be("access-denied");
        (refusal is null).Should().Be(admitted);
    }

    [Theory]
    [InlineData("alice:open sesame", true)]
    [InlineData("bob:pässwörd", true)]
    [InlineData("alice:open Sesame", false)]
    [InlineData("alice:", false)]
    [InlineData("alice", false)]
    [InlineData("bob:open sesame", false)]
    [InlineData("carol:open sesame", false)]
    [InlineData(":open sesame", false)]
    [InlineData("ALICE:open sesame", false)]
    public async Task Visitor_WithCredentials_IsAskedAgainUnlessTheyAreRight(string credentials, bool right)
    {
        VisitorGuard guard = Guard(new TunnelGuard { Users = [$"alice:{AliceHash}", $"bob:{BobHash}"] });

        EdgeError? refusal = await AskAsync(guard, Visitor, Field(credentials));

        (refusal is null).Should().Be(right);
        if (!right)
        {
            refusal!.Status.Should().Be(401);
            refusal.Challenge.Should().Be("Basic realm=\"demo.tunnel.com\", charset=\"UTF-8\"");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("Basic")]
    [InlineData("Basic ")]
    [InlineData("Basic !!!!")]
    [InlineData("Basic YWxpY2U")]
    [InlineData("Basic YWxp Y2U6b3BlbiBzZXNhbWU=")]
    [InlineData("Bearer YWxpY2U6b3BlbiBzZXNhbWU=")]
    [InlineData("BasicYWxpY2U6b3BlbiBzZXNhbWU=")]
    [InlineData("Digest username=\"alice\"")]
    public async Task Field_OfAnotherForm_IsAskedAgain(string field)
    {
        VisitorGuard guard = Guard(new TunnelGuard { Users = [$"alice:{AliceHash}"] });

        (await AskAsync(guard, Visitor, Encoding.Latin1.GetBytes(field)))!.Code.Should().Be("auth-required");
    }

    [Fact]
    public void Field_OfAnything_IsReadOrRefused()
    {
        var random = new Random(5);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = new byte[random.Next(80)];
            random.NextBytes(bytes);
            byte[] field = random.Next(3) switch
            {
                0 => bytes,
                1 => [.. "Basic "u8, .. bytes],
                _ => [.. "basic "u8, .. Encoding.ASCII.GetBytes(Convert.ToBase64String(bytes))],
            };

            if (BasicCredentials.TryParse(field, out BasicCredentials credentials))
            {
                credentials.User.Should().NotContain(":");
            }
        }
    }

    [Fact]
    public async Task Address_ThatTriesAllAtOnce_HasNoMoreTriesAndLeavesTurnsToOthers()
    {
        const int Tries = 64;
        VisitorGuard guard = Guard(new TunnelGuard { Users = [$"alice:{AliceHash}"] });

        Task<EdgeError?>[] all = [.. Enumerable.Range(0, Tries).Select(i => AskAsync(guard, Visitor, Field($"alice:{i}")))];
        EdgeError? other = await AskAsync(guard, IPAddress.Parse("203.0.113.8"), Field("alice:open sesame"));

        EdgeError?[] refusals = await Task.WhenAll(all);
        refusals.Count(refusal => refusal!.Status == 401).Should().Be(AddressThrottle.AtOnce);
        refusals.Count(refusal => refusal!.Status == 503).Should().Be(Tries - AddressThrottle.AtOnce);
        other.Should().BeNull();
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task Machine_OfTheServer_HasNoMoreTriesThanOthers(string address)
    {
        VisitorGuard guard = Guard(new TunnelGuard { Users = [$"alice:{AliceHash}"] });
        for (int i = 0; i < AddressThrottle.AtOnce; i++)
        {
            (await AskAsync(guard, IPAddress.Parse(address), Field($"alice:{i}")))!.Status.Should().Be(401);
        }

        (await AskAsync(guard, IPAddress.Parse(address), Field("alice:one more")))!.Status.Should().Be(503);
    }

    [Theory]
    [InlineData("allow", true)]
    [InlineData("order", true)]
    [InlineData("nothing", false)]
    [InlineData("deny", false)]
    [InlineData("users", false)]
    [InlineData("forward", false)]
    public void Rules_OfTwoTunnels_AreTheSameOrNot(string what, bool areSame)
    {
        var one = new TunnelGuard { Allow = ["10.0.0.0/8", "192.168.0.0/16"], Users = [$"alice:{AliceHash}"] };
        TunnelGuard? other = what switch
        {
            "allow" => one with { },
            "order" => one with { Allow = ["192.168.0.0/16", "10.0.0.0/8"], Deny = [] },
            "deny" => one with { Allow = [], Deny = one.Allow },
            "users" => one with { Users = [$"alice:{BobHash}"] },
            "forward" => one with { ForwardAuth = true },
            _ => null,
        };

        VisitorGuard.HaveSameRules(Guard(one), other is null ? null : Guard(other)).Should().Be(areSame);
        VisitorGuard.HaveSameRules(Guard(new TunnelGuard()), null).Should().BeTrue("neither has any");
    }

    [Fact]
    public async Task Address_ThatTriesTooOften_WaitsWhileOthersAndKnownCredentialsPass()
    {
        VisitorGuard guard = Guard(new TunnelGuard { Users = [$"alice:{AliceHash}"] });
        (await AskAsync(guard, Visitor, Field("alice:open sesame"))).Should().BeNull();
        for (int i = 0; i < AddressThrottle.AtOnce; i++)
        {
            (await AskAsync(guard, Visitor, Field($"alice:{i}")))!.Status.Should().Be(401);
        }

        EdgeError? throttled = await AskAsync(guard, Visitor, Field("alice:one more"));

        throttled!.Status.Should().Be(503);
        throttled.RetryAfter.Should().NotBeNull();
        (await AskAsync(guard, Visitor, Field("alice:open sesame"))).Should().BeNull("it was right before");
        (await AskAsync(guard, IPAddress.Parse("203.0.113.8"), Field("alice:open sesame"))).Should().BeNull();
        (await AskAsync(guard, IPAddress.Parse("203.0.113.9"), Field("alice:x")))!.Status.Should().Be(401);
    }

    [Fact]
    public void Authorization_IsForwardedOnlyWhenItIsNotOursOrAskedFor()
    {
        Guard(new TunnelGuard { Deny = ["10.0.0.0/8"] }).ForwardsAuthorization.Should().BeTrue("nobody here asked for it");
        Guard(new TunnelGuard { Users = [$"alice:{AliceHash}"] }).ForwardsAuthorization.Should().BeFalse();
        Guard(new TunnelGuard { Users = [$"alice:{AliceHash}"], ForwardAuth = true }).ForwardsAuthorization.Should().BeTrue();
    }

    [Theory]
    [InlineData("alice:$apr1$x$abc", "another kind")]
    [InlineData("alice:{SHA}abc", "another kind")]
    [InlineData("alice", "needs a name")]
    [InlineData(":x", "needs a name")]
    [InlineData("alice:$2y$13$wJyd8/wZKF6I4Rjl8QvqZe3DX4E4b9eNkKN9aI7/PqsvlFkJAPboK", "cost")]
    [InlineData("alice:$2y$05$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz012345", "another kind")]
    [InlineData("alice:$2y$05$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz012345!", "another kind")]
    public void User_OfAnotherForm_IsRefusedWithTheReason(string user, string reason) =>
        TunnelGuard.FindUserFault(user).Should().Contain(reason);

    /// <summary>Made by htpasswd -nbB of Debian's apache2-utils.</summary>
    [Fact]
    public async Task User_AsHtpasswdWritesIt_IsRead()
    {
        const string User = "alice:$2y$05$wJyd8/wZKF6I4Rjl8QvqZe3DX4E4b9eNkKN9aI7/PqsvlFkJAPboK";
        TunnelGuard.FindUserFault(User).Should().BeNull();

        (await AskAsync(Guard(new TunnelGuard { Users = [User] }), Visitor, Field("alice:open sesame"))).Should().BeNull();
    }

    private VisitorGuard Guard(TunnelGuard guard) => new(guard, "demo.tunnel.com", "local", _passwords);

    // As the visitor is told; null: the request may pass.
    private static async Task<EdgeError?> AskAsync(VisitorGuard guard, IPAddress visitor, byte[] authorization) =>
        EdgeError.Of(await guard.JudgeAsync(visitor, authorization), guard);

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static byte[] Field(string credentials) => Encoding.ASCII.GetBytes("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
}
