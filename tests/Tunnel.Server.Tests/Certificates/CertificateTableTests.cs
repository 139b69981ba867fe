using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Tunnel.Server.Certificates;
using Tunnel.TestSupport;

namespace Tunnel.Server.Tests.Certificates;

public sealed class CertificateTableTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public void Name_WithBothKinds_GetsTheOneOnACurveUnlessItIsExpiredOrCannotBeChecked()
    {
        using X509Certificate2 curve = _authority.IssueOnCurve(_time.GetUtcNow().AddDays(1), "a.test");
        using X509Certificate2 longer = _authority.IssueOnCurve(_time.GetUtcNow().AddDays(2), "a.test");
        using X509Certificate2 rsa = _authority.Issue(_time.GetUtcNow().AddDays(3), "a.test");
        var served = new ServedCertificate(longer, []);
        var other = new ServedCertificate(rsa, []);
        var table = new CertificateTable([new ServedCertificate(curve, []), served, other], null, _time);
        table.Find("a.test").Should().BeSameAs(served);
        table.Find("a.test", takesEcdsa: false).Should().BeSameAs(other);
        _time.Advance(TimeSpan.FromDays(2.5));
        table.Find("a.test").Should().BeSameAs(other);
    }

    [Fact]
    public void Name_WithOneKind_GetsItWhateverTheVisitorCanCheck()
    {
        using X509Certificate2 shorter = _authority.IssueOnCurve(_time.GetUtcNow().AddDays(-2), "*.a.test");
        using X509Certificate2 longer = _authority.IssueOnCurve(_time.GetUtcNow().AddDays(-1), "*.a.test");
        var served = new ServedCertificate(longer, []);
        var table = new CertificateTable([new ServedCertificate(shorter, []), served], null, _time);
        table.Find("b.a.test", takesEcdsa: false).Should().BeSameAs(served);
        table.Find("b.a.test").Should().BeSameAs(served, "an expired one says more than none");
    }
}
