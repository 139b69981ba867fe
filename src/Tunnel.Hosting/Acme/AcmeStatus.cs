namespace Tunnel.Hosting.Acme;

/// <summary>The words of RFC 8555 section 7.1.6 for how far an order is.</summary>
internal static class AcmeStatus
{
    public static bool TryRead(string word, out AcmeOrderStatus status)
    {
        AcmeOrderStatus? known = word switch
        {
            "pending" => AcmeOrderStatus.Pending,
            "ready" => AcmeOrderStatus.Ready,
            "processing" => AcmeOrderStatus.Processing,
            "valid" => AcmeOrderStatus.Valid,
            "invalid" => AcmeOrderStatus.Invalid,
            _ => null,
        };
        status = known.GetValueOrDefault();
        return known is not null;
    }
}
