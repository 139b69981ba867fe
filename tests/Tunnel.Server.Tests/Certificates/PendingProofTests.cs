using System.Text;
using Tunnel.Server.Certificates.Acme;

namespace Tunnel.Server.Tests.Certificates;

/// <summary>A proof is shown to whoever asks for exactly it, while an order waits; to nobody else, and not a moment longer.</summary>
public sealed class PendingProofTests
{
    private readonly PendingProofs _proofs = new(TimeProvider.System);

    [Theory]
    [InlineData("tunnel.test", "/.well-known/acme-challenge/abc_-9", true)]
    [InlineData("tunnel.test", "/.well-known/acme-challenge/abc_-9?x", false)]
    [InlineData("tunnel.test", "/.well-known/acme-challenge/abc_-9/", false)]
    [InlineData("tunnel.test", "/.well-known/acme-challenge/abc", false)]
    [InlineData("tunnel.test", "/.well-known/acme-challenge/", false)]
    [InlineData("tunnel.test", "/.well-known/acme-challenge", false)]
    [InlineData("tunnel.test", "/.well-known/acme-challenge/../abc_-9", false)]
    [InlineData("tunnel.test", "/.well-known/acme-challenge/%61bc_-9", false)]
    [InlineData("tunnel.test", "/.Well-Known/acme-challenge/abc_-9", false)]
    [InlineData("tunnel.test", "//.well-known/acme-challenge/abc_-9", false)]
    [InlineData("demo.tunnel.test", "/.well-known/acme-challenge/abc_-9", false)]
    [InlineData("", "/.well-known/acme-challenge/abc_-9", false)]
    [InlineData("tunnel.test", "*", false)]
    public async Task Token_OfAPendingOrder_IsAnsweredUnderItsNameAlone(string host, string target, bool isAnswered)
    {
        Find(host, target).Should().BeNull();
        await using (await _proofs.OverHttp.PresentAsync("tunnel.test", "abc_-9", "abc_-9.thumb", CancellationToken.None))
        {
            Find(host, target).Should().Be(isAnswered ? "abc_-9.thumb" : null);
        }

        Find(host, target).Should().BeNull();
    }

    [Theory]
    [InlineData("tunnel.test", "acme-tls/1", true)]
    [InlineData("tunnel.test", "acme-tls/1,http/1.1", false)]
    [InlineData("tunnel.test", "http/1.1", false)]
    [InlineData("tunnel.test", "", false)]
    [InlineData("demo.tunnel.test", "acme-tls/1", false)]
    [InlineData(null, "acme-tls/1", false)]
    public async Task Handshake_OfAPendingOrder_IsAnsweredUnderItsNameAlone(string? name, string protocols, bool isAnswered)
    {
        string[] offered = protocols.Split(',', StringSplitOptions.RemoveEmptyEntries);
        _proofs.FindTls(name, offered).Should().BeNull();
        await using (await _proofs.OverTls.PresentAsync("tunnel.test", "abc", "abc.thumb", CancellationToken.None))
        {
            (_proofs.FindTls(name, offered) is not null).Should().Be(isAnswered);
        }

        _proofs.FindTls(name, offered).Should().BeNull();
    }

    /// <summary>Whatever path somebody asks for, it gets the proof only by its own path.</summary>
    [Fact]
    public async Task Paths_OfAnyBytes_ReachNothingElse()
    {
        const string Good = "/.well-known/acme-challenge/abc_-9";
        await using IAsyncDisposable shown = await _proofs.OverHttp.PresentAsync("tunnel.test", "abc_-9", "abc_-9.thumb", CancellationToken.None);
        foreach (int seed in TestSupport.Fuzzing.Seeds(2000))
        {
            byte[] target = TestSupport.Fuzzing.Mutate(new Random(seed), [Encoding.ASCII.GetBytes(Good)]);
            bool isGood = target.AsSpan().SequenceEqual("/.well-known/acme-challenge/abc_-9"u8);
            (_proofs.FindHttp("tunnel.test"u8, target) is not null).Should().Be(isGood, "seed {0}", seed);
        }
    }

    private string? Find(string host, string target) =>
        _proofs.FindHttp(Encoding.ASCII.GetBytes(host), Encoding.ASCII.GetBytes(target)) is { } proof ? Encoding.ASCII.GetString(proof) : null;
}
