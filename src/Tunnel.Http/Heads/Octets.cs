using System.Buffers;

namespace Tunnel.Http.Heads;

/// <summary>The byte classes of RFC 9110 section 5 as vectorised sets, and the naming of bytes that belong to none.</summary>
internal static class Octets
{
    public const byte Cr = (byte)'\r';
    public const byte Lf = (byte)'\n';

    /// <summary>tchar (RFC 9110 section 5.6.2).</summary>
    public static readonly SearchValues<byte> Token = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>
    /// What may stand in a request target: every visible ASCII byte but the fragment mark, and bytes from 0x80. Wider than
    /// RFC 3986, because browsers send <c>|</c>, <c>{</c> and their like unescaped and nobody reads these in two ways. Bytes
    /// from 0x80 go on escaped: raw, some servers take one of them for a blank.
    /// </summary>
    public static readonly SearchValues<byte> Target = SearchValues.Create(VisibleExceptHash());

    /// <summary>Control bytes that may not stand in a field value or reason phrase (RFC 9110 section 5.5).</summary>
    public static readonly SearchValues<byte> NotInValue = SearchValues.Create(ControlsExceptTab());

    /// <summary>Names the particular wrong byte when there is a particular name for it, otherwise the given reason.</summary>
    public static RejectReason Diagnose(ReadOnlySpan<byte> text, RejectReason otherwise) =>
        text.IndexOfAny((byte)0, Cr) is var at && at < 0 ? otherwise
        : text[at] == 0 ? RejectReason.NulByte
        : RejectReason.BareCarriageReturn;

    public static bool IsBlank(byte octet) => octet is (byte)' ' or (byte)'\t';

    /// <summary>The text without the optional whitespace around it (RFC 9110 section 5.6.3).</summary>
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text)
    {
        var start = 0;
        while (start < text.Length && IsBlank(text[start]))
        {
            start++;
        }

        var end = text.Length;
        while (end > start && IsBlank(text[end - 1]))
        {
            end--;
        }

        return text[start..end];
    }

    private static byte[] VisibleExceptHash() =>
        [.. Enumerable.Range(0x21, 0x100 - 0x21).Where(static octet => octet != 0x7F).Select(static octet => (byte)octet).Where(static octet => octet != '#')];

    private static byte[] ControlsExceptTab() =>
        [.. Enumerable.Range(0, 0x20).Append(0x7F).Select(static octet => (byte)octet).Where(static octet => octet != '\t')];
}
