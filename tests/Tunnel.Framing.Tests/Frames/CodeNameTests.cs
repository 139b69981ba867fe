using Tunnel.Framing.Frames;

namespace Tunnel.Framing.Tests.Frames;

/// <summary>Codes as documentation and logs spell them: people search for these words.</summary>
public sealed class CodeNameTests
{
    [Fact]
    public void Name_OfEachResetCode_IsThatOfTheProtocol() =>
        Enum.GetValues<ResetCode>().Select(ResetCodes.Name).Should().Equal(
            "stop", "cancelled", "not-processed", "origin-refused", "origin-invalid", "origin-timeout", "origin-reset", "request-broken",
            "too-busy", "internal-error", "tunnel-unknown", "session-lost", "origin-unreachable", "origin-tls-failed",
            "origin-speaks-tls", "type-unknown");

    [Fact]
    public void Name_OfEachCloseCode_IsThatOfTheProtocol() =>
        Enum.GetValues<CloseCode>().Select(CloseCodes.Name).Should().Equal(
            "normal", "frame-too-large", "unknown-kind", "bad-stream-id", "unexpected-frame", "malformed-payload", "window-exceeded",
            "credit-overflow", "data-after-end", "bad-ack", "flood", "internal-error", "replaced", "revoked");

    [Fact]
    public void Name_OfANumberThatHasNone_IsThatOfAnInternalError() =>
        (((ResetCode)16).Name(), ((CloseCode)14).Name(), ((CloseCode)ushort.MaxValue).Name())
            .Should().Be(("internal-error", "internal-error", "internal-error"));
}
