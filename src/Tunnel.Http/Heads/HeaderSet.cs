namespace Tunnel.Http.Heads;

/// <summary>An immutable set of known fields in one word.</summary>
public readonly struct HeaderSet
{
    /// <summary>The fields that say who the visitor is and how it came; routing never reads them.</summary>
    public static readonly HeaderSet Forwarding = new(
        KnownHeader.Forwarded, KnownHeader.XForwardedFor, KnownHeader.XForwardedProto, KnownHeader.XForwardedHost,
        KnownHeader.XForwardedPort, KnownHeader.XRealIp, KnownHeader.OtherForwarding);

    /// <summary>Fields whose meaning an origin must never take from a name that merely resembles theirs.</summary>
    internal static readonly HeaderSet NotToImitate = Forwarding.And(
        KnownHeader.ContentLength, KnownHeader.TransferEncoding, KnownHeader.XRequestId, KnownHeader.TunnelError);

    private readonly ulong _bits;

    public HeaderSet(params ReadOnlySpan<KnownHeader> headers) => _bits = Pack(headers);

    private HeaderSet(ulong bits) => _bits = bits;

    public bool Contains(KnownHeader header) => (_bits & (1UL << (int)header)) != 0;

    /// <summary>Whether one of these is among fields given as bits, one for each <see cref="KnownHeader"/>.</summary>
    internal bool Overlaps(ulong bits) => (_bits & bits) != 0;

    /// <summary>These and more.</summary>
    public HeaderSet And(params ReadOnlySpan<KnownHeader> more) => new(_bits | Pack(more));

    /// <summary>These and those.</summary>
    public HeaderSet And(HeaderSet more) => new(_bits | more._bits);

    /// <summary>These without those.</summary>
    public HeaderSet Without(HeaderSet those) => new(_bits & ~those._bits);

    /// <summary>These without one.</summary>
    public HeaderSet Without(KnownHeader header) => new(_bits & ~(1UL << (int)header));

    private static ulong Pack(ReadOnlySpan<KnownHeader> headers)
    {
        var bits = 0UL;
        foreach (var header in headers)
        {
            bits |= 1UL << (int)header;
        }

        return bits;
    }
}
